"""What clinicians say, and what they find written: made-up dictations, as bare words and as an engine punctuates them."""

import pytest

from services.polish.polishers.rules.polish import Ruled, polish


def polished(text: str) -> Ruled:
    return polish(text, (), {}, "en")


WRITTEN = {
    # pressures and rates
    "b p one twenty over eighty": "BP 120/80",
    "BP 120 over 80.": "BP 120/80.",
    "blood pressure one hundred and thirty five over seventy five": "Blood pressure 135/75",
    "bp one oh five over seventy millimetres of mercury": "BP 105/70 mmHg",
    "pulse is one twenty and bp one thirty five over seventy five": "Pulse is 120 and BP 135/75",
    "heart rate eighty two beats per minute": "Heart rate 82 bpm",
    "bp one ten to one thirty": "BP 110 to 130",
    "BP 120 over 80 and 110 over 70": "BP 120/80 and 110/70",
    "increased by twenty over ten days": "Increased by 20 over 10 days",
    "visual acuity six over nine": "Visual acuity 6/9",
    # doses
    "two point five milligrams": "2.5 mg",
    "point five milligrams": "0.5 mg",
    "five hundred micrograms twice daily": "500 micrograms twice daily",
    "Paracetamol, one gram, four times a day.": "Paracetamol, 1 g, 4 times a day.",
    "ten thousand units": "10,000 units",
    "two thousand five hundred international units": "2,500 international units",
    "one point two million units": "1.2 million units",
    "a hundred milligrams": "100 mg",
    "fifteen hundred millilitres": "1,500 mL",
    "five mls": "5 mL",
    "five milligrams per kilogram per day": "5 mg/kg per day",
    "take two tablets": "Take 2 tablets",
    "one or two tablets": "1 or 2 tablets",
    "forty-five milligrams": "45 mg",
    "Five milligrams.": "5 mg.",
    "500 milligrams": "500 mg",
    # measurements
    "O two sats ninety eight percent": "O2 sats 98%",
    "s p o two ninety five per cent on two litres per minute": "SpO2 95% on 2 L/min",
    "Sats 98 percent.": "Sats 98%.",
    "temperature thirty seven point five degrees celsius": "Temperature 37.5 °C",
    "37 point 5 degrees": "37.5 degrees",
    "potassium four point one": "Potassium 4.1",
    "INR one point zero": "INR 1.0",
    "o two sats normal, on o two": "O2 sats normal, on o two",
    "glucose five point six millimoles per litre": "Glucose 5.6 mmol/L",
    "hba one c forty eight": "HbA1c 48",
    "p h seven point three five": "pH 7.35",
    "minus two point five": "Minus 2.5",
    "two by three centimetres": "2 by 3 cm",
    "weight seventy kilos": "Weight 70 kg",
    # ranges
    "two to three weeks": "2 to 3 weeks",
    "between two and three weeks": "Between 2 and 3 weeks",
    "reduce from ten to five milligrams": "Reduce from 10 to 5 mg",
    "between one hundred and twenty and one hundred and thirty milligrams": "Between 120 and 130 mg",
    # classes, ages, scores
    "type two diabetes stage three ckd": "Type 2 diabetes stage 3 CKD",
    "grade one or two": "Grade 1 or 2",
    "l five s one radiculopathy": "L5 S1 radiculopathy",
    "vitamin b twelve": "Vitamin B12",
    "fifty three year old man": "53 year old man",
    "pain seven out of ten": "Pain 7/10",
    "pain three over ten": "Pain 3/10",
    "seven out of ten": "Seven out of 10",
    "vitamin d three": "Vitamin D3",
    "c six and t twelve": "C6 and T12",
    "l six": "L six",
    "it s five": "It s five",
    "grade two hundred": "Grade 200",
    "type two weeks": "Type 2 weeks",
    "rate one twenty tablets": "Rate one twenty tablets",
    "pulse, one twenty": "Pulse, one twenty",
    "one ten beats per minute": "110 bpm",
    "a hundred times": "100 times",
    "a hundred": "A hundred",
    "a thousand and one units": "1,001 units",
    "twenty thousand": "20,000",
    "3,500 units to 4,000 units": "3,500 units to 4,000 units",
    "gcs fifteen out of fifteen": "GCS 15/15",
    "twelve lead ecg": "12 lead ECG",
    # dates and times
    "on the twenty third of march twenty twenty six": "On the 23rd of March 2026",
    "on the second of may": "On the 2nd of May",
    "seen June the third": "Seen June the 3rd",
    "seen in May second twenty twenty five": "Seen in May 2nd 2025",
    "in nineteen ninety five": "In 1995",
    "since two thousand and nine": "Since 2009",
    "at three thirty pm": "At 3:30 pm",
    "at eight a m": "At 8 am",
    "twenty fourth week": "24th week",
    "at one oh five am and nine oh oh pm": "At 1:05 am and 9:00 pm",
    "at two o'clock": "At 2 o'clock",
    "the eleventh": "The 11th",
    # spoken punctuation and layout
    "the chest is clear full stop new paragraph abdomen soft": "The chest is clear.\n\nAbdomen soft",
    "The chest is clear, full stop. New paragraph. Abdomen soft.": "The chest is clear.\n\nAbdomen soft.",
    "he said comma i am well full stop": "He said, I am well.",
    "No fever. Period.": "No fever.",
    "no fever period new line no rash": "No fever.\nNo rash",
    "pain open bracket left close bracket comma none now": "Pain (left), none now",
    "Pain, open bracket, left, close bracket. None now.": "Pain (left). None now.",
    "quote tight unquote": '"Tight"',
    "open quotes tight close quotes": '"Tight"',
    "is it pneumonia question mark": "Is it pneumonia?",
    "question mark pneumonia": "?pneumonia",
    "stop it exclamation mark": "Stop it!",
    "well semicolon no fever": "Well; no fever",
    "follow hyphen up in six weeks": "Follow-up in 6 weeks",
    "and forward slash or": "And/or",
    "plan colon continue": "Plan: continue",
    "as follows colon rest": "As follows: rest",
    "heading plan paracetamol": "\n\nPlan:\nParacetamol",
    "Heading, past medical history. Asthma.": "\n\nPast medical history:\nAsthma.",
    "bullet point aspirin bullet point statin": "\n- Aspirin\n- Statin",
    # fillers
    "um the patient um has uh asthma, um, eczema": "The patient has asthma, eczema",
    "Um, the patient is well. Um. He sleeps.": "The patient is well. He sleeps.",
    "um": "",
    # capitals
    "he is well. she is not. i'm sure": "He is well. She is not. I'm sure",
    "seen on monday in january": "Seen on Monday in January",
    "seen by dr. green, e.g. yesterday": "Seen by dr. green, e.g. yesterday",
    "no nkda on file, copd, bp normal": "No NKDA on file, COPD, BP normal",
    # spaces
    "  too   many  spaces ": "Too many spaces",
    "": "",
}

AS_SAID = [
    # two numbers that would be one
    "Take one twenty milligram tablet",
    "Take one 5 mg tablet daily",
    "Give two five milligram tablets",
    "Between one hundred and two hundred milligrams",
    "Forty eight seventy two hours",
    # small numbers that count nothing
    "One of the patients has no one at home",
    "One day she fell",
    "For one week",
    "One to one nursing",
    "Two and a half milligrams",
    "Ten to three",
    # numbers that are none, or others
    "Two gram negative rods",
    "At this point five patients",
    "The point two centimetres below",
    "At one point two centimetres from the edge",
    "Twenty twenty vision",
    "Wait twenty second pause",
    "Twenty third degree burns",
    "Fourteen hundred hours",
    "One two three",
    "She may first need physiotherapy",
    "May the third dose be given",
    "One hundred and fifth",
    # words that are no commands
    "Colon cancer in the colon",
    "Past medical history colon cancer",
    "The colon is normal",
    "Last menstrual period",
    "Over a long period new drugs help",
    "A new line was sited",
    "The next line treatment",
    "The question mark over it",
    "A comma",
    "Heading home",
    "Inserted new line left subclavian",
    "Past history colon trouble",
    "DASH score 45, DASH diet",
    "Came to a full stop",
    "Right ERM, no UM",
    "A tenth of it",
    "Family history of period pain",
    "The period.",
    # denials and answers
    "No chest pain, not breathless, never smoked, denies fever",
    "Without nausea, nor vomiting",
    "Uh huh",
    "5 mm and 6 mm nodules in ER",
    # words of a machine
    "0:ab12cd34 1:deadbeef 2:12345678 3:0e123456",
]


@pytest.mark.parametrize(("said", "written"), WRITTEN.items())
def test_what_is_said_is_written_as_clinicians_do(said: str, written: str) -> None:
    assert polished(said).text == written


@pytest.mark.parametrize("said", AS_SAID)
def test_what_may_be_meant_otherwise_stays(said: str) -> None:
    assert polished(said).text == said


@pytest.mark.parametrize("said", [*WRITTEN, *AS_SAID])
def test_what_is_written_stays_when_polished_again(said: str) -> None:
    once = polished(said).text
    assert polished(once).text == once


def test_a_dose_that_stays_in_words_is_flagged() -> None:
    assert polished("take one twenty milligram tablet").flags == ("number_as_said",)
    assert polished("take one tablet").flags == ()


def test_other_languages_keep_their_words() -> None:
    assert polish("um zwei comma drei full stop", (), {}, "de").text == "um zwei comma drei full stop"
    assert polish("two milligrams", (), {}, "en-GB").text == "2 mg"
