# Every kind of resource of a private network in one configuration.
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

# A VPC in the shape of the community's module, and what a private network has beside it.
module "vpc" {
  source  = "./vpc"
  changed = var.changed
}

# Every way out of a VPC.
module "ways" {
  source  = "./ways"
  changed = var.changed
}

# A service of one's own behind a load balancer, and its consumer.
module "supplier" {
  source  = "./supplier"
  changed = var.changed
}

# Customers who come by VPN.
module "vpn" {
  source  = "./vpn"
  changed = var.changed
}

output "table" {
  value = module.vpn.table
}
