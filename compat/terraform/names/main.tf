# Private names: a hosted zone with records of each kind, the resolver's inbound endpoint, and its query log.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "address" {
  default = "10.40.0.9"
}

resource "aws_vpc" "a" {
  cidr_block           = "10.40.0.0/16"
  enable_dns_hostnames = true
}
resource "aws_vpc" "b" {
  cidr_block           = "10.41.0.0/16"
  enable_dns_hostnames = true
}
resource "aws_subnet" "a" {
  count             = 2
  vpc_id            = aws_vpc.a.id
  cidr_block        = "10.40.${count.index}.0/24"
  availability_zone = ["us-east-1a", "us-east-1b"][count.index]
}
resource "aws_route53_zone" "z" {
  name = "corp.internal.test"
  vpc { vpc_id = aws_vpc.a.id }
  tags = { a = "b" }
  lifecycle { ignore_changes = [vpc] }
}
resource "aws_route53_zone_association" "b" {
  zone_id = aws_route53_zone.z.zone_id
  vpc_id  = aws_vpc.b.id
}
resource "aws_route53_record" "www" {
  zone_id = aws_route53_zone.z.zone_id
  name    = "www"
  type    = "A"
  ttl     = 300
  records = [var.address]
}
resource "aws_route53_record" "wild" {
  zone_id = aws_route53_zone.z.zone_id
  name    = "*.apps"
  type    = "CNAME"
  ttl     = 60
  records = ["www.corp.internal.test"]
}
resource "aws_route53_record" "txt" {
  zone_id = aws_route53_zone.z.zone_id
  name    = "t"
  type    = "TXT"
  ttl     = 60
  records = ["hello world"]
}
resource "aws_vpc_endpoint" "sts" {
  vpc_id            = aws_vpc.a.id
  service_name      = "com.amazonaws.us-east-1.sts"
  vpc_endpoint_type = "Interface"
  subnet_ids        = aws_subnet.a[*].id
}
resource "aws_route53_record" "alias" {
  zone_id = aws_route53_zone.z.zone_id
  name    = "sts"
  type    = "A"
  alias {
    name                   = aws_vpc_endpoint.sts.dns_entry[0].dns_name
    zone_id                = aws_vpc_endpoint.sts.dns_entry[0].hosted_zone_id
    evaluate_target_health = false
  }
}
resource "aws_security_group" "dns" {
  vpc_id = aws_vpc.a.id
  name   = "dns"
  ingress {
    from_port   = 53
    to_port     = 53
    protocol    = "udp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}
resource "aws_route53_resolver_endpoint" "in" {
  name               = "in"
  direction          = "INBOUND"
  security_group_ids = [aws_security_group.dns.id]
  ip_address {
    subnet_id = aws_subnet.a[0].id
    ip        = "10.40.0.53"
  }
  ip_address { subnet_id = aws_subnet.a[1].id }
  tags = { a = "b" }
}
resource "aws_cloudwatch_log_group" "q" { name = "/dns/tfq" }
resource "aws_route53_resolver_query_log_config" "q" {
  name            = "q"
  destination_arn = aws_cloudwatch_log_group.q.arn
}
resource "aws_route53_resolver_query_log_config_association" "q" {
  resolver_query_log_config_id = aws_route53_resolver_query_log_config.q.id
  resource_id                  = aws_vpc.a.id
}
output "subnet" {
  value = aws_subnet.a[0].id
}

output "other" {
  value = aws_vpc.b.id
}

output "group" {
  value = aws_vpc.a.default_security_group_id
}

output "zone" {
  value = aws_route53_zone.z.zone_id
}
