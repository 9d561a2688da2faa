# Everything of an account that stands in no network, in one configuration.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {}

# changed is what a second apply changes, in place where AWS can.
variable "changed" {
  type    = bool
  default = false
}

module "iam" {
  source  = "./iam"
  changed = var.changed
}

module "policies" {
  source = "./policies"
  action = var.changed ? "sns:Publish" : "sqs:SendMessage"
}

module "organization" {
  source = "./organization"
  name   = var.changed ? "crews" : "teams"
}

module "images" {
  source     = "./images"
  mutability = var.changed ? "IMMUTABLE" : "MUTABLE"
}

output "url" {
  value = module.images.url
}

output "endpoint" {
  value = module.images.endpoint
}

output "unit" {
  value = module.organization.unit
}

output "policy" {
  value = module.policies.policy
}

output "allowed" {
  value = module.policies.allowed
}
