# A VPC whose customers come by VPN: a virtual private gateway whose routes propagate, a customer gateway,
# a connection with static routes, and a route to the gateway that is nobody's propagated one.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

# changed is what a second apply changes, in place where AWS can.
variable "changed" {
  type    = bool
  default = false
}

resource "aws_vpc" "main" {
  cidr_block = "10.60.0.0/16"
}

resource "aws_vpn_gateway" "main" {
  amazon_side_asn = 64513
  tags            = { Name = var.changed ? "way home" : "home" }
}

resource "aws_vpn_gateway_attachment" "main" {
  vpc_id         = aws_vpc.main.id
  vpn_gateway_id = aws_vpn_gateway.main.id
}

resource "aws_customer_gateway" "office" {
  bgp_asn    = 65000
  ip_address = "192.0.2.1"
  type       = "ipsec.1"
  tags       = { Name = "office" }
}

resource "aws_customer_gateway" "new_office" {
  bgp_asn    = 65000
  ip_address = "192.0.2.2"
  type       = "ipsec.1"
}

resource "aws_vpn_connection" "office" {
  customer_gateway_id = var.changed ? aws_customer_gateway.new_office.id : aws_customer_gateway.office.id
  vpn_gateway_id      = aws_vpn_gateway.main.id
  type                = "ipsec.1"
  static_routes_only  = true
  tags                = { Name = "office" }
}

resource "aws_vpn_connection_route" "office" {
  for_each               = toset(var.changed ? ["192.168.0.0/24", "192.168.2.0/24"] : ["192.168.0.0/24", "192.168.1.0/24"])
  destination_cidr_block = each.value
  vpn_connection_id      = aws_vpn_connection.office.id
}

resource "aws_route_table" "main" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "172.16.0.0/12"
    gateway_id = aws_vpn_gateway_attachment.main.vpn_gateway_id
  }
}

resource "aws_vpn_gateway_route_propagation" "main" {
  vpn_gateway_id = aws_vpn_gateway_attachment.main.vpn_gateway_id
  route_table_id = aws_route_table.main.id
}

# The same in a table's own words.
resource "aws_route_table" "own" {
  vpc_id           = aws_vpc.main.id
  propagating_vgws = [aws_vpn_gateway_attachment.main.vpn_gateway_id]
}

output "table" {
  value = aws_route_table.main.id
}
