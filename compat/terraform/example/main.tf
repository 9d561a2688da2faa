# The usual example of VPC endpoints as code: a gateway endpoint for S3, an interface endpoint with
# private DNS in two subnets, and the network they stand in. No endpoint URL, no skipped check.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {}

data "aws_region" "here" {}

data "aws_availability_zones" "all" {
  state = "available"
}

variable "interface_service" {
  type    = string
  default = "secretsmanager"
}

resource "aws_vpc" "private" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = "private" }
}

resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.private.id
  cidr_block        = cidrsubnet(aws_vpc.private.cidr_block, 8, count.index)
  availability_zone = data.aws_availability_zones.all.names[count.index]
  tags              = { Name = "private-${count.index}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.private.id
  tags   = { Name = "private" }
}

resource "aws_route_table_association" "private" {
  count          = 2
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

resource "aws_security_group" "endpoints" {
  name        = "endpoints"
  description = "443 from the VPC"
  vpc_id      = aws_vpc.private.id

  ingress {
    description = "HTTPS"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = [aws_vpc.private.cidr_block]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.private.id
  service_name      = "com.amazonaws.${data.aws_region.here.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
}

resource "aws_vpc_endpoint" "interface" {
  vpc_id              = aws_vpc.private.id
  service_name        = "com.amazonaws.${data.aws_region.here.name}.${var.interface_service}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
}

output "vpc" {
  value = aws_vpc.private.id
}

output "subnet" {
  value = aws_subnet.private[0].id
}

output "group" {
  value = aws_security_group.endpoints.id
}

output "interface_dns" {
  value = aws_vpc_endpoint.interface.dns_entry[*].dns_name
}
