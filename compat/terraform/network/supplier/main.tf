# A supplier's VPC with a network load balancer and an endpoint service, and a consumer's with an
# endpoint of that service under the private name that the supplier has proven to own.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "changed" {
  type    = bool
  default = false
}

data "aws_availability_zones" "available" {}

resource "aws_vpc" "supplier" {
  cidr_block           = "10.60.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "supplier" {
  count             = 2
  vpc_id            = aws_vpc.supplier.id
  cidr_block        = "10.60.${count.index}.0/24"
  availability_zone = data.aws_availability_zones.available.names[count.index]
}

resource "aws_lb" "orders" {
  name                             = "orders"
  internal                         = true
  load_balancer_type               = "network"
  subnets                          = var.changed ? aws_subnet.supplier[*].id : [aws_subnet.supplier[0].id]
  enable_cross_zone_load_balancing = var.changed
  tags                             = { Name = var.changed ? "orders changed" : "orders" }
}

resource "aws_lb_target_group" "orders" {
  name        = "orders"
  port        = 8080
  protocol    = "TCP"
  target_type = "ip"
  vpc_id      = aws_vpc.supplier.id

  deregistration_delay = var.changed ? 60 : 300

  health_check {
    protocol = "TCP"
    interval = var.changed ? 10 : 30
  }
}

resource "aws_lb_target_group_attachment" "orders" {
  count            = var.changed ? 2 : 1
  target_group_arn = aws_lb_target_group.orders.arn
  target_id        = "10.60.0.${10 + count.index}"
  port             = 8080
}

resource "aws_lb_listener" "orders" {
  load_balancer_arn = aws_lb.orders.arn
  port              = var.changed ? 8443 : 443
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.orders.arn
  }
}

resource "aws_vpc_endpoint_service" "orders" {
  acceptance_required        = !var.changed
  network_load_balancer_arns = [aws_lb.orders.arn]
  private_dns_name           = "orders.example.com"
  tags                       = { Name = "orders" }
}

data "aws_caller_identity" "me" {}

resource "aws_vpc_endpoint_service_allowed_principal" "orders" {
  vpc_endpoint_service_id = aws_vpc_endpoint_service.orders.id
  principal_arn           = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root"
}

resource "aws_route53_zone" "proof" {
  name = "example.com"
  vpc {
    vpc_id = aws_vpc.supplier.id
  }
}

resource "aws_route53_record" "proof" {
  zone_id = aws_route53_zone.proof.zone_id
  name    = "${aws_vpc_endpoint_service.orders.private_dns_name_configuration[0].name}.orders.example.com"
  type    = "TXT"
  ttl     = 60
  records = [aws_vpc_endpoint_service.orders.private_dns_name_configuration[0].value]
}

resource "aws_vpc_endpoint_service_private_dns_verification" "orders" {
  service_id            = aws_vpc_endpoint_service.orders.id
  wait_for_verification = true
  depends_on            = [aws_route53_record.proof]
}

resource "aws_vpc" "consumer" {
  cidr_block           = "10.60.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "consumer" {
  vpc_id            = aws_vpc.consumer.id
  cidr_block        = "10.60.0.0/24"
  availability_zone = data.aws_availability_zones.available.names[0]
}

resource "aws_vpc_endpoint" "orders" {
  vpc_id            = aws_vpc.consumer.id
  service_name      = aws_vpc_endpoint_service.orders.service_name
  vpc_endpoint_type = "Interface"

  subnet_configuration {
    subnet_id = aws_subnet.consumer.id
    ipv4      = var.changed ? "10.60.0.51" : "10.60.0.50"
  }
  subnet_ids = [aws_subnet.consumer.id]
}

resource "aws_vpc_endpoint_connection_accepter" "orders" {
  vpc_endpoint_service_id = aws_vpc_endpoint_service.orders.id
  vpc_endpoint_id         = aws_vpc_endpoint.orders.id
}

resource "aws_vpc_endpoint_private_dns" "orders" {
  vpc_endpoint_id     = aws_vpc_endpoint.orders.id
  private_dns_enabled = true
  depends_on          = [aws_vpc_endpoint_connection_accepter.orders, aws_vpc_endpoint_service_private_dns_verification.orders]
}

data "aws_vpc_endpoint_service" "orders" {
  service_name = aws_vpc_endpoint_service.orders.service_name
}

output "services" { value = data.aws_vpc_endpoint_service.orders.availability_zones }
