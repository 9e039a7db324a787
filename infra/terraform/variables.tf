variable "project" {
  description = "The Google Cloud project. Covered by a business associate agreement before any patient is."
  type        = string
}

variable "region" {
  description = "Where everything runs and is stored."
  type        = string
}

variable "images" {
  description = "The container image of each service, by digest."
  type = object({
    ingest   = string
    polish   = string
    autosave = string
  })

  validation {
    condition     = alltrue([for image in values(var.images) : strcontains(image, "@sha256:")])
    error_message = "Images are named by digest (NAME@sha256:...): a tag may be moved under a running deployment."
  }
}

variable "retention_days" {
  description = "After how many days a session is deleted. There is no default: it is the operator's to state."
  type        = number

  validation {
    condition     = var.retention_days >= 1
    error_message = "At least one day."
  }
}

variable "engines" {
  description = "Speech engines in the order in which they are tried."
  type        = list(string)
  default     = ["deepgram"]

  validation {
    condition     = length(setsubtract(var.engines, ["deepgram", "speechmatics", "local"])) == 0
    error_message = "deepgram, speechmatics, and local where the image holds its weights (docker build --target local)."
  }
}

variable "polisher" {
  description = "rules or gemini."
  type        = string
  default     = "rules"
}

variable "gemini_location" {
  description = "The Vertex AI region or multi-region of gemini; empty where rules polish."
  type        = string
  default     = ""
}

variable "sign_in" {
  description = "How clinicians sign in. While it is empty everything but ingest is made."
  type        = string
  default     = ""

  validation {
    condition     = var.sign_in != "development"
    error_message = "The development sign-in admits whoever asks; ingest refuses to start with it here."
  }
}

variable "sessions_max" {
  description = "Recordings one instance takes; its WebSockets are at most this and some that still say hello."
  type        = number
  default     = 200
}

variable "instances_max" {
  type    = number
  default = 20
}
