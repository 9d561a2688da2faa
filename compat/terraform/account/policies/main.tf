variable "action" {
  type = string
}

data "aws_iam_policy_document" "own" {
  statement {
    sid       = "One"
    actions   = [var.action]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalTag/team"
      values   = ["red"]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }
  }
}

data "aws_iam_policy" "read_only" {
  name = "AmazonSageMakerReadOnly"
}

resource "aws_iam_policy" "own" {
  name   = "own"
  path   = "/team/"
  policy = data.aws_iam_policy_document.own.json
  tags   = { team = "red" }
}

resource "aws_iam_role" "worker" {
  name               = "worker"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = { team = "red" }
}

resource "aws_iam_role_policy_attachment" "own" {
  role       = aws_iam_role.worker.name
  policy_arn = aws_iam_policy.own.arn
}

resource "aws_iam_role_policy_attachment" "read_only" {
  role       = aws_iam_role.worker.name
  policy_arn = data.aws_iam_policy.read_only.arn
}

resource "aws_iam_role_policy_attachment" "full" {
  role       = aws_iam_role.worker.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
}

data "aws_iam_principal_policy_simulation" "worker" {
  action_names      = [var.action]
  policy_source_arn = aws_iam_role.worker.arn
  depends_on        = [aws_iam_role_policy_attachment.own, aws_iam_policy.own]
}

output "policy" {
  value = aws_iam_policy.own.arn
}

output "allowed" {
  value = data.aws_iam_principal_policy_simulation.worker.all_allowed
}
