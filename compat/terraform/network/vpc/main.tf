# A VPC as the community module shapes it: public, private and intra subnets in three zones, a NAT gateway
# in each, endpoints of both kinds, flow logs, a secondary range, and the VPC's default parts managed; and
# beside it what a private network has more: a peering, a VPN, private names, prefix lists.
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

data "aws_region" "here" {}
data "aws_caller_identity" "me" {}
data "aws_availability_zones" "all" {
  state = "available"
}

locals {
  zones = slice(data.aws_availability_zones.all.names, 0, 3)
  tags  = { Name = "private", Stage = var.changed ? "second" : "first" }
}

resource "aws_vpc" "this" {
  cidr_block           = "10.80.0.0/16"
  instance_tenancy     = "default"
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = local.tags
}

resource "aws_vpc_ipv4_cidr_block_association" "this" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "100.64.0.0/16"
}

# The default parts.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
  tags   = local.tags

  dynamic "ingress" {
    for_each = var.changed ? [1] : []
    content {
      self      = true
      protocol  = "-1"
      from_port = 0
      to_port   = 0
    }
  }
}

resource "aws_default_network_acl" "this" {
  default_network_acl_id = aws_vpc.this.default_network_acl_id

  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }

  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }

  lifecycle {
    ignore_changes = [subnet_ids]
  }
}

resource "aws_default_route_table" "this" {
  default_route_table_id = aws_vpc.this.default_route_table_id
  tags                   = local.tags
}

resource "aws_vpc_dhcp_options" "this" {
  domain_name         = "corp.internal"
  domain_name_servers = ["AmazonProvidedDNS"]
  tags                = local.tags
}

resource "aws_vpc_dhcp_options_association" "this" {
  vpc_id          = aws_vpc.this.id
  dhcp_options_id = aws_vpc_dhcp_options.this.id
}

# Public subnets.
resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = local.tags
}

resource "aws_subnet" "public" {
  count                   = 3
  vpc_id                  = aws_vpc.this.id
  cidr_block              = cidrsubnet(aws_vpc.this.cidr_block, 8, count.index)
  availability_zone       = local.zones[count.index]
  map_public_ip_on_launch = var.changed
  tags                    = merge(local.tags, { Name = "public-${count.index}" })
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = local.tags
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id

  timeouts {
    create = "5m"
  }
}

resource "aws_route_table_association" "public" {
  count          = 3
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_network_acl" "public" {
  vpc_id     = aws_vpc.this.id
  subnet_ids = aws_subnet.public[*].id
  tags       = local.tags
}

resource "aws_network_acl_rule" "public" {
  for_each       = { in = false, out = true }
  network_acl_id = aws_network_acl.public.id
  egress         = each.value
  rule_number    = 100
  rule_action    = "allow"
  protocol       = "-1"
  cidr_block     = var.changed ? "10.0.0.0/8" : "0.0.0.0/0"
}

# Private subnets, each with its zone's NAT gateway.
resource "aws_eip" "nat" {
  count      = 3
  domain     = "vpc"
  tags       = local.tags
  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  count         = 3
  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = aws_subnet.public[count.index].id
  tags          = local.tags
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_subnet" "private" {
  count             = 3
  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 8, 10 + count.index)
  availability_zone = local.zones[count.index]
  tags              = local.tags
}

resource "aws_route_table" "private" {
  count  = 3
  vpc_id = aws_vpc.this.id
  tags   = local.tags
}

resource "aws_route" "nat" {
  count                  = 3
  route_table_id         = aws_route_table.private[count.index].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[count.index].id
}

resource "aws_route_table_association" "private" {
  count          = 3
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[count.index].id
}

# Intra subnets lead nowhere; they are in the secondary range.
resource "aws_subnet" "intra" {
  count             = 3
  vpc_id            = aws_vpc_ipv4_cidr_block_association.this.vpc_id
  cidr_block        = cidrsubnet(aws_vpc_ipv4_cidr_block_association.this.cidr_block, 8, count.index)
  availability_zone = local.zones[count.index]
  tags              = local.tags
}

resource "aws_route_table" "intra" {
  vpc_id = aws_vpc.this.id
  tags   = local.tags
}

resource "aws_route_table_association" "intra" {
  count          = 3
  subnet_id      = aws_subnet.intra[count.index].id
  route_table_id = aws_route_table.intra.id
}

# Groups, with rules of every writing, and a prefix list.
resource "aws_ec2_managed_prefix_list" "offices" {
  name           = "offices"
  address_family = "IPv4"
  max_entries    = var.changed ? 6 : 5
  tags           = local.tags

  entry {
    cidr        = var.changed ? "192.168.11.0/24" : "192.168.10.0/24"
    description = "Delft"
  }
}

resource "aws_ec2_managed_prefix_list" "guests" {
  name           = "guests"
  address_family = "IPv4"
  max_entries    = 3
}

resource "aws_ec2_managed_prefix_list_entry" "guests" {
  prefix_list_id = aws_ec2_managed_prefix_list.guests.id
  cidr           = var.changed ? "192.168.21.0/24" : "192.168.20.0/24"
}

resource "aws_security_group" "endpoints" {
  name_prefix = "endpoints-"
  vpc_id      = aws_vpc.this.id
  tags        = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group_rule" "vpc" {
  security_group_id = aws_security_group.endpoints.id
  type              = "ingress"
  protocol          = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_blocks       = [aws_vpc.this.cidr_block]
}

resource "aws_vpc_security_group_ingress_rule" "offices" {
  security_group_id = aws_security_group.endpoints.id
  prefix_list_id    = aws_ec2_managed_prefix_list.offices.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = var.changed ? "the offices" : "offices"
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.endpoints.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

# Endpoints.
data "aws_vpc_endpoint_service" "s3" {
  service      = "s3"
  service_type = "Gateway"
}

data "aws_iam_policy_document" "here" {
  statement {
    actions   = ["s3:*"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceVpc"
      values   = [aws_vpc.this.id]
    }
  }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = data.aws_vpc_endpoint_service.s3.service_name
  vpc_endpoint_type = "Gateway"
  policy            = var.changed ? data.aws_iam_policy_document.here.json : null
  route_table_ids   = concat([aws_route_table.intra.id], aws_route_table.private[*].id)
  tags              = local.tags
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = toset(["sagemaker.api", "sagemaker.runtime", "sts", "logs"])
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${data.aws_region.here.name}.${each.value}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = slice(aws_subnet.private[*].id, 0, var.changed ? 3 : 2)
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
  tags                = local.tags
}

# An endpoint whose parts are managed apart.
resource "aws_vpc_endpoint" "apart" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${data.aws_region.here.name}.ec2"
  vpc_endpoint_type = "Interface"

  lifecycle {
    ignore_changes = [subnet_ids, security_group_ids, policy]
  }
}

resource "aws_vpc_endpoint_subnet_association" "apart" {
  vpc_endpoint_id = aws_vpc_endpoint.apart.id
  subnet_id       = aws_subnet.private[0].id
}

resource "aws_vpc_endpoint_security_group_association" "apart" {
  vpc_endpoint_id             = aws_vpc_endpoint.apart.id
  security_group_id           = aws_security_group.endpoints.id
  replace_default_association = true
}

resource "aws_vpc_endpoint_policy" "apart" {
  vpc_endpoint_id = aws_vpc_endpoint.apart.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect = "Allow", Principal = "*", Action = var.changed ? "ec2:Describe*" : "ec2:*", Resource = "*"
  }] })
}

resource "aws_vpc_endpoint" "neighbour" {
  vpc_id            = aws_vpc.neighbour.id
  service_name      = data.aws_vpc_endpoint_service.s3.service_name
  vpc_endpoint_type = "Gateway"

  lifecycle {
    ignore_changes = [route_table_ids]
  }
}

resource "aws_vpc_endpoint_route_table_association" "neighbour" {
  vpc_endpoint_id = aws_vpc_endpoint.neighbour.id
  route_table_id  = aws_vpc.neighbour.main_route_table_id
}

# Flow logs, to a log group and to a bucket.
resource "aws_cloudwatch_log_group" "flows" {
  name = "/vpc/flows"
  tags = local.tags
}

resource "aws_iam_role" "flows" {
  name = "flows"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect = "Allow", Principal = { Service = "vpc-flow-logs.amazonaws.com" }, Action = "sts:AssumeRole"
  }] })
}

resource "aws_iam_role_policy" "flows" {
  name = "write"
  role = aws_iam_role.flows.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams"]
    Resource = "*"
  }] })
}

resource "aws_flow_log" "group" {
  vpc_id                   = aws_vpc.this.id
  traffic_type             = "ALL"
  log_destination_type     = "cloud-watch-logs"
  log_destination          = aws_cloudwatch_log_group.flows.arn
  iam_role_arn             = aws_iam_role.flows.arn
  max_aggregation_interval = 60
  tags                     = local.tags
}

resource "aws_flow_log" "bucket" {
  subnet_id            = aws_subnet.private[0].id
  traffic_type         = "REJECT"
  log_destination_type = "s3"
  log_destination      = "arn:aws:s3:::${aws_s3_bucket.flows.id}/net"
  log_format           = var.changed ? "$${version} $${interface-id} $${action}" : "$${interface-id} $${action}"
}

resource "aws_s3_bucket" "flows" {
  bucket        = "flows-of-the-module"
  force_destroy = true
}

# An interface of one's own.
resource "aws_network_interface" "host" {
  subnet_id         = aws_subnet.private[1].id
  private_ips       = ["10.80.11.77"]
  source_dest_check = !var.changed
  tags              = local.tags

  lifecycle {
    ignore_changes = [security_groups]
  }
}

resource "aws_network_interface_sg_attachment" "host" {
  security_group_id    = aws_security_group.endpoints.id
  network_interface_id = aws_network_interface.host.id
}

# A neighbour.
resource "aws_vpc" "neighbour" {
  cidr_block = "10.81.0.0/16"
}

resource "aws_vpc_peering_connection" "neighbour" {
  vpc_id      = aws_vpc.this.id
  peer_vpc_id = aws_vpc.neighbour.id
  auto_accept = true
  tags        = local.tags
}

resource "aws_route" "neighbour" {
  count                     = 3
  route_table_id            = aws_route_table.private[count.index].id
  destination_cidr_block    = aws_vpc.neighbour.cidr_block
  vpc_peering_connection_id = aws_vpc_peering_connection.neighbour.id
}

# Home, by VPN.
resource "aws_vpn_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = local.tags
}

resource "aws_vpn_gateway_route_propagation" "private" {
  count          = 3
  vpn_gateway_id = aws_vpn_gateway.this.id
  route_table_id = aws_route_table.private[count.index].id
}

resource "aws_customer_gateway" "office" {
  bgp_asn    = 65000
  ip_address = "192.0.2.10"
  type       = "ipsec.1"
  tags       = local.tags
}

resource "aws_vpn_connection" "office" {
  vpn_gateway_id      = aws_vpn_gateway.this.id
  customer_gateway_id = aws_customer_gateway.office.id
  type                = "ipsec.1"
  static_routes_only  = true
  tags                = local.tags
}

resource "aws_vpn_connection_route" "office" {
  vpn_connection_id      = aws_vpn_connection.office.id
  destination_cidr_block = var.changed ? "192.168.11.0/24" : "192.168.10.0/24"
}

# Names.
resource "aws_route53_zone" "corp" {
  name    = "corp.internal"
  comment = var.changed ? "private" : "ours"

  vpc {
    vpc_id = aws_vpc.this.id
  }

  lifecycle {
    ignore_changes = [vpc]
  }
}

resource "aws_route53_zone_association" "neighbour" {
  zone_id = aws_route53_zone.corp.zone_id
  vpc_id  = aws_vpc.neighbour.id
}

resource "aws_route53_record" "host" {
  zone_id = aws_route53_zone.corp.zone_id
  name    = "host"
  type    = "A"
  ttl     = var.changed ? 60 : 300
  records = aws_network_interface.host.private_ips
}

resource "aws_route53_record" "studio" {
  zone_id = aws_route53_zone.corp.zone_id
  name    = "api"
  type    = "A"

  alias {
    name                   = aws_vpc_endpoint.interface["sagemaker.api"].dns_entry[0].dns_name
    zone_id                = aws_vpc_endpoint.interface["sagemaker.api"].dns_entry[0].hosted_zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_resolver_endpoint" "in" {
  name               = "in"
  direction          = "INBOUND"
  security_group_ids = [aws_security_group.endpoints.id]

  dynamic "ip_address" {
    for_each = slice(aws_subnet.private[*].id, 0, 2)
    content {
      subnet_id = ip_address.value
    }
  }
}

resource "aws_cloudwatch_log_group" "questions" {
  name = "/vpc/questions"
}

resource "aws_route53_resolver_query_log_config" "this" {
  name            = "questions"
  destination_arn = aws_cloudwatch_log_group.questions.arn
}

resource "aws_route53_resolver_query_log_config_association" "this" {
  resolver_query_log_config_id = aws_route53_resolver_query_log_config.this.id
  resource_id                  = aws_vpc.this.id
}

output "host" {
  value = "host.corp.internal"
}
