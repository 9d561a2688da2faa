# An organisation: both types of policy, units, an account of its own, policies and what they are attached to.
variable "name" {
  default = "teams"
}

resource "aws_organizations_organization" "this" {
  feature_set          = "ALL"
  enabled_policy_types = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
}

resource "aws_organizations_organizational_unit" "teams" {
  name      = var.name
  parent_id = aws_organizations_organization.this.roots[0].id
  tags      = { stage = "test" }
}

resource "aws_organizations_organizational_unit" "below" {
  name      = "below"
  parent_id = aws_organizations_organizational_unit.teams.id
}

resource "aws_organizations_account" "one" {
  name      = "one"
  email     = "one@example.com"
  parent_id = aws_organizations_organizational_unit.below.id
  role_name = "OrganizationAccountAccessRole"
  tags      = { team = "one" }

  lifecycle {
    ignore_changes = [role_name] # no API tells it again
  }
}

resource "aws_organizations_policy" "deny" {
  name        = "deny-leaving"
  description = "Nobody leaves"
  content = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Deny", Action = "organizations:LeaveOrganization", Resource = "*" }]
  })
  tags       = { stage = "test" }
  depends_on = [aws_organizations_organization.this]
}

resource "aws_organizations_policy" "perimeter" {
  name = "perimeter-${var.name}"
  type = "RESOURCE_CONTROL_POLICY"
  content = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny", Principal = "*", Action = "s3:*", Resource = "*"
      Condition = { StringNotEqualsIfExists = { "aws:PrincipalOrgID" = aws_organizations_organization.this.id } }
    }]
  })
}

resource "aws_organizations_policy_attachment" "deny" {
  policy_id = aws_organizations_policy.deny.id
  target_id = aws_organizations_organizational_unit.teams.id
}

resource "aws_organizations_policy_attachment" "perimeter" {
  policy_id = aws_organizations_policy.perimeter.id
  target_id = aws_organizations_account.one.id
}

output "unit" {
  value = aws_organizations_organizational_unit.teams.id
}
