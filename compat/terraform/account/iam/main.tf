# Every kind of IAM's entities, once as made and once changed.
variable "changed" {
  type    = bool
  default = false
}

data "aws_iam_policy_document" "lists" {
  statement {
    actions   = var.changed ? ["iam:ListUsers", "iam:ListRoles"] : ["iam:ListUsers"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.ann.arn]
    }
  }
}

data "aws_iam_policy_document" "federated" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.issuer.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "token.example.com:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_policy" "most" {
  name   = "tf-most"
  policy = data.aws_iam_policy_document.lists.json
}

resource "aws_iam_user" "ann" {
  name                 = var.changed ? "tf-anna" : "tf-ann"
  path                 = "/team/"
  permissions_boundary = var.changed ? null : aws_iam_policy.most.arn
  force_destroy        = true
  tags                 = { team = "blue" } # the provider tags by the new name before it gives it
}

resource "aws_iam_user" "bob" {
  name = "tf-bob"
  tags = { team = var.changed ? "red" : "blue" }
}

resource "aws_iam_access_key" "ann" {
  user   = aws_iam_user.ann.name
  status = var.changed ? "Inactive" : "Active"
}

resource "aws_iam_group" "staff" {
  name = var.changed ? "tf-crew" : "tf-staff"
  path = "/team/"
}

resource "aws_iam_group" "other" {
  name = "tf-other"
}

resource "aws_iam_group_policy" "staff" {
  name   = "own"
  group  = aws_iam_group.staff.name
  policy = data.aws_iam_policy_document.lists.json
}

resource "aws_iam_group_policy_attachment" "staff" {
  group      = aws_iam_group.staff.name
  policy_arn = aws_iam_policy.most.arn
}

resource "aws_iam_group_membership" "staff" {
  name  = "staff"
  group = aws_iam_group.staff.name
  users = var.changed ? [aws_iam_user.ann.name] : [aws_iam_user.ann.name, aws_iam_user.bob.name]
}

resource "aws_iam_user_group_membership" "bob" {
  user   = aws_iam_user.bob.name
  groups = [aws_iam_group.other.name]
}

resource "aws_iam_role" "worker" {
  name                 = "tf-worker"
  path                 = "/team/"
  description          = var.changed ? "rests" : "works"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.changed ? aws_iam_policy.most.arn : null
  max_session_duration = var.changed ? 7200 : 3600
  tags                 = { team = "blue" }
}

resource "aws_iam_role" "federated" {
  name               = "tf-federated"
  assume_role_policy = data.aws_iam_policy_document.federated.json
}

resource "aws_iam_role_policy" "worker" {
  name   = "own"
  role   = aws_iam_role.worker.id
  policy = data.aws_iam_policy_document.lists.json
}

resource "aws_iam_role_policy_attachment" "worker" {
  role       = aws_iam_role.worker.name
  policy_arn = aws_iam_policy.most.arn
}

resource "aws_iam_instance_profile" "worker" {
  name = "tf-worker"
  role = var.changed ? aws_iam_role.federated.name : aws_iam_role.worker.name
  tags = { team = "blue" }
}

resource "aws_iam_account_alias" "here" {
  account_alias = var.changed ? "tf-there" : "tf-here"
}

resource "aws_iam_openid_connect_provider" "issuer" {
  url             = "https://token.example.com"
  client_id_list  = var.changed ? ["sts.amazonaws.com", "app"] : ["sts.amazonaws.com"]
  thumbprint_list = ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"]
  tags            = { team = var.changed ? "red" : "blue" }
}

resource "aws_iam_service_linked_role" "scaling" {
  aws_service_name = "autoscaling.amazonaws.com"
  custom_suffix    = "tf"
  description      = var.changed ? "changed" : "made"
}
