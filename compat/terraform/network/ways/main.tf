# Every way out of a VPC as code: an internet gateway, elastic addresses, NAT gateways of both kinds,
# route tables with routes inside and beside them, a peering with its options, and a router's interface.
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

data "aws_availability_zones" "all" {
  state = "available"
}

resource "aws_vpc" "main" {
  cidr_block           = "10.30.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_vpc" "peer" {
  cidr_block           = "10.31.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = var.changed ? "way out" : "out" }
}

resource "aws_subnet" "public" {
  vpc_id            = aws_vpc.main.id
  cidr_block        = "10.30.0.0/24"
  availability_zone = data.aws_availability_zones.all.names[0]
}

resource "aws_subnet" "private" {
  vpc_id            = aws_vpc.main.id
  cidr_block        = "10.30.1.0/24"
  availability_zone = data.aws_availability_zones.all.names[1]
}

resource "aws_eip" "nat" {
  domain     = "vpc"
  depends_on = [aws_internet_gateway.main]
}

resource "aws_nat_gateway" "public" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public.id
  tags          = { Name = "nat" }
  depends_on    = [aws_internet_gateway.main]
}

resource "aws_nat_gateway" "private" {
  connectivity_type = "private"
  subnet_id         = aws_subnet.private.id
}

# With its routes inside.
resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }

  route {
    cidr_block                = var.changed ? "10.31.0.0/17" : "10.31.0.0/16"
    vpc_peering_connection_id = aws_vpc_peering_connection.both.id
  }

  dynamic "route" {
    for_each = var.changed ? [1] : []
    content {
      cidr_block           = "192.168.0.0/16"
      network_interface_id = aws_network_interface.router.id
    }
  }
}

# With its routes beside it.
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route" "out" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.public.id
}

resource "aws_route" "router" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "172.20.0.0/16"
  network_interface_id   = var.changed ? null : aws_network_interface.router.id
  nat_gateway_id         = var.changed ? aws_nat_gateway.private.id : null
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  subnet_id      = aws_subnet.private.id
  route_table_id = aws_route_table.private.id
}

resource "aws_route" "back" {
  route_table_id            = aws_vpc.peer.main_route_table_id
  destination_cidr_block    = aws_vpc.main.cidr_block
  vpc_peering_connection_id = aws_vpc_peering_connection.both.id
}

resource "aws_vpc_peering_connection" "both" {
  vpc_id      = aws_vpc.main.id
  peer_vpc_id = aws_vpc.peer.id
  auto_accept = true
  tags        = { Name = "both" }
}

resource "aws_vpc_peering_connection_options" "both" {
  vpc_peering_connection_id = aws_vpc_peering_connection.both.id

  requester {
    allow_remote_vpc_dns_resolution = !var.changed
  }

  accepter {
    allow_remote_vpc_dns_resolution = true
  }
}

resource "aws_vpc" "third" {
  cidr_block = "10.32.0.0/16"
}

# Asked for and accepted by two resources.
resource "aws_vpc_peering_connection" "asked" {
  vpc_id        = aws_vpc.peer.id
  peer_vpc_id   = aws_vpc.third.id
  peer_owner_id = aws_vpc.third.owner_id
}

resource "aws_vpc_peering_connection_accepter" "asked" {
  vpc_peering_connection_id = aws_vpc_peering_connection.asked.id
  auto_accept               = true
}

resource "aws_security_group" "router" {
  vpc_id = aws_vpc.main.id
  name   = "router"

  ingress {
    protocol        = "tcp"
    from_port       = 80
    to_port         = 80
    security_groups = [aws_security_group.peer.id]
  }

  depends_on = [aws_vpc_peering_connection.both]
}

resource "aws_security_group" "peer" {
  vpc_id = aws_vpc.peer.id
  name   = "peer"
}

resource "aws_network_interface" "router" {
  subnet_id         = aws_subnet.public.id
  private_ips       = ["10.30.0.10"]
  security_groups   = [aws_security_group.router.id]
  source_dest_check = var.changed
  description       = var.changed ? "no router any more" : "a router"
}

resource "aws_eip" "router" {
  domain            = "vpc"
  network_interface = aws_network_interface.router.id
  depends_on        = [aws_internet_gateway.main]
}

resource "aws_eip" "loose" {
  domain = "vpc"
}

resource "aws_eip_association" "loose" {
  allocation_id        = aws_eip.loose.id
  network_interface_id = aws_network_interface.host.id
  depends_on           = [aws_internet_gateway.main]
}

resource "aws_network_interface" "host" {
  subnet_id = aws_subnet.public.id
}

output "nat_address" {
  value = aws_eip.nat.public_ip
}

output "host_address" {
  value = aws_eip.loose.public_ip
}

output "host" {
  value = aws_network_interface.host.id
}

output "private_subnet" {
  value = aws_subnet.private.id
}
