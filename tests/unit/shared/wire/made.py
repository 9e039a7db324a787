"""Any message of a given type, drawn from the type itself."""

from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import UNSET, Struct

UUIDS = st.uuids().map(str)


def messages(struct: type[Struct]) -> st.SearchStrategy[Any]:
    """Every valid `struct`, bounds included; optional fields may be absent."""
    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, msgspec.inspect.StructType)
    return st.builds(struct, **{field.name: _values(field.type) for field in info.fields})


def _values(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case msgspec.inspect.IntType(ge=low, le=high):
            return st.integers(low, high) | st.sampled_from([low, high])
        case msgspec.inspect.StrType(pattern=str()):
            return UUIDS
        case msgspec.inspect.StrType(max_length=longest):
            return st.text(st.characters(exclude_categories=["Cs"]), max_size=min(longest or 20, 20))
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.LiteralType(values=names):
            return st.sampled_from(names)
        case msgspec.inspect.EnumType(cls=enum):
            return st.sampled_from(enum)
        case msgspec.inspect.UnionType(types=kinds):
            return st.one_of(*(_values(each) for each in kinds))
        case msgspec.inspect.CustomType() | msgspec.inspect.RawType():
            raise AssertionError("a message has no such field")
        case msgspec.inspect.ListType(item_type=item):
            return st.lists(_values(item), max_size=3)
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_values(key), _values(value), max_size=3)
        case msgspec.inspect.StructType(cls=struct):
            return messages(struct)
        case _:
            # The one type that is left is that of UNSET: the field is absent.
            return st.just(UNSET)
