terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source = "hashicorp/google"
      # The version whose schema tests/data/terraform-google-6.50.json holds.
      version = "~> 6.50"
    }
  }

  # Where the state is kept is told at init: terraform init -backend-config=bucket=NAME
  backend "gcs" {}
}

provider "google" {
  project = var.project
  region  = var.region
}
