package policy

import (
	"os"
	"path/filepath"
	"testing"
)

type ask struct {
	action, resource string
	ctx              set
}

// Every policy that the guides print, with one request that it lets through and one that it does not.
// For identity, endpoint and trust policies the second is not allowed; for the endpoint and bucket
// policies that only deny, the first is merely not denied.
var printed = []struct {
	file    string
	kind    Kind
	yes, no ask
}{
	{"000-endpoint", Endpoint, ask{"sagemaker:InvokeEndpoint", "arn:aws:sagemaker:us-west-2:123456789012:endpoint/myEndpoint", nil}, ask{"sagemaker:InvokeEndpoint", "arn:aws:sagemaker:us-west-2:123456789012:endpoint/other", nil}},
	{"001-p001", Managed, ask{"iam:PassRole", "arn:aws:iam::1:role/r", set{"iam:PassedToService": "sagemaker-geospatial.amazonaws.com"}}, ask{"iam:PassRole", "arn:aws:iam::1:role/r", set{"iam:PassedToService": "ec2.amazonaws.com"}}},
	{"001-p002", Managed, ask{"s3:GetObject", "arn:aws:s3:::my-sagemaker-data/x", nil}, ask{"s3:GetObject", "arn:aws:s3:::my-data/x", nil}},
	{"001-p004", Managed, ask{"s3:GetObject", "arn:aws:s3:::any/x", set{"s3:ExistingObjectTag/SageMaker": "TRUE"}}, ask{"s3:GetObject", "arn:aws:s3:::any/x", set{"s3:ExistingObjectTag/SageMaker": "no"}}},
	{"001-p010", Managed, ask{"eks:DescribeCluster", "arn:aws:eks:us-east-1:111122223333:cluster/c", set{"aws:ResourceAccount": "111122223333", "aws:PrincipalAccount": "111122223333"}}, ask{"eks:DescribeCluster", "arn:aws:eks:us-east-1:444455556666:cluster/c", set{"aws:ResourceAccount": "444455556666", "aws:PrincipalAccount": "111122223333"}}},
	{"001-p013", Managed, ask{"logs:PutLogEvents", "arn:aws:logs:us-east-1:111122223333:log-group:/aws/sagemaker/Clusters/c:log-stream:s", nil}, ask{"logs:PutLogEvents", "arn:aws:logs:us-east-1:111122223333:log-group:/aws/other:log-stream:s", nil}},
	{"001-p016", Managed, ask{"sagemaker:CreateModelCard", "*", nil}, ask{"sagemaker:CreateModel", "*", nil}},
	{"001-p020", Managed, ask{"sagemaker:DescribeAction", "arn:aws:sagemaker:us-east-1:111122223333:action/a", nil}, ask{"sagemaker:CreateAction", "arn:aws:sagemaker:us-east-1:111122223333:action/a", nil}},
	{"001-p025", Managed, ask{"fsx:DescribeFileSystems", "*", set{"aws:ResourceAccount": "1", "aws:PrincipalAccount": "1"}}, ask{"fsx:DescribeFileSystems", "*", set{"aws:ResourceAccount": "1"}}},
	{"001-p031", Managed, ask{"sagemaker:ListPartnerApps", "*", nil}, ask{"sagemaker:ListApps", "*", nil}},
	{"001-p034", Managed, ask{"lambda:CreateFunction", "arn:aws:lambda:us-east-1:111122223333:function:my-sagemaker-f", nil}, ask{"lambda:CreateFunction", "arn:aws:lambda:us-east-1:111122223333:function:f", nil}},
	{"001-p037", Managed, ask{"sagemaker:CreateTrainingPlan", "arn:aws:sagemaker:us-east-1:111122223333:training-plan/p", nil}, ask{"sagemaker:CreateTrainingPlan", "arn:aws:sagemaker:us-east-1:111122223333:pipeline/p", nil}},
	{"001-p042", Managed, ask{"lambda:InvokeFunction", "arn:aws:lambda:us-east-1:1:function:sagemaker-f", set{"aws:ResourceTag/sagemaker:project-name": "p", "aws:ResourceTag/sagemaker:partner": "q", "aws:ResourceAccount": "1", "aws:PrincipalAccount": "1"}}, ask{"lambda:InvokeFunction", "arn:aws:lambda:us-east-1:1:function:sagemaker-f", set{"aws:ResourceTag/sagemaker:partner": "q", "aws:ResourceAccount": "1", "aws:PrincipalAccount": "1"}}},
	{"001-p043", Managed, ask{"iam:PassRole", "arn:aws:iam::1:role/service-role/AmazonSageMakerServiceCatalogProductsLambdaRole", set{"iam:PassedToService": "lambda.amazonaws.com"}}, ask{"iam:PassRole", "arn:aws:iam::1:role/AmazonSageMakerServiceCatalogProductsLambdaRole", set{"iam:PassedToService": "lambda.amazonaws.com"}}},
	{"001-p047", Managed, ask{"secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:1:secret:s", set{"aws:ResourceTag/sagemaker:partner": "q", "aws:ResourceAccount": "1", "aws:PrincipalAccount": "1"}}, ask{"secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:1:secret:s", set{"aws:ResourceAccount": "1", "aws:PrincipalAccount": "1"}}},
	{"001-p048", Managed, ask{"logs:CreateLogGroup", "arn:aws:logs:us-east-1:1:log-group:/aws/apigateway/x", nil}, ask{"logs:CreateLogGroup", "arn:aws:logs:us-east-1:1:log-group:/aws/lambda/x", nil}},
	{"001-p049", Managed, ask{"sagemaker:AddTags", "arn:aws:sagemaker:us-east-1:1:model/m", nil}, ask{"sagemaker:AddTags", "arn:aws:sagemaker:us-east-1:1:domain/d", nil}},
	{"001-p058", Managed, ask{"codepipeline:StartPipelineExecution", "arn:aws:codepipeline:us-east-1:1:sagemaker-p", nil}, ask{"codepipeline:StartPipelineExecution", "arn:aws:codepipeline:us-east-1:1:p", nil}},
	{"001-p059", Managed, ask{"firehose:PutRecord", "arn:aws:firehose:us-east-1:1:deliverystream/sagemaker-d", nil}, ask{"firehose:DeleteDeliveryStream", "arn:aws:firehose:us-east-1:1:deliverystream/sagemaker-d", nil}},
	{"001-p060", Managed, ask{"glue:BatchCreatePartition", "arn:aws:glue:us-east-1:1:catalog", nil}, ask{"glue:BatchCreatePartition", "arn:aws:glue:us-east-1:1:database/mine", nil}},
	{"001-p063", Managed, ask{"ecr:DescribeImages", "arn:aws:ecr:us-east-1:1:repository/sagemaker-r", nil}, ask{"ecr:DescribeImages", "arn:aws:ecr:us-east-1:1:repository/r", nil}},
	{"001-p096", Managed, ask{"sagemaker:CreatePresignedNotebookInstanceUrl", "arn:aws:sagemaker:us-east-1:111122223333:notebook-instance/myNotebookInstance", nil}, ask{"sagemaker:CreatePresignedNotebookInstanceUrl", "arn:aws:sagemaker:us-east-1:111122223333:notebook-instance/another", nil}},
	{"001-p104", Endpoint, ask{"sagemaker:InvokeEndpoint", "arn:aws:sagemaker:us-west-2:123456789012:endpoint/myEndpoint", nil}, ask{"sagemaker:CreateEndpoint", "arn:aws:sagemaker:us-west-2:123456789012:endpoint/myEndpoint", nil}},
	{"001-p106", Endpoint, ask{"sagemaker:CreateApp", "arn:aws:sagemaker:us-west-2:acct-id:app/domain-id/u/KernelGateway/a", nil}, ask{"sagemaker:CreateApp", "arn:aws:sagemaker:us-west-2:acct-id:app/other-id/u/KernelGateway/a", nil}},
	{"001-p107", Endpoint, ask{"sagemaker:CreatePresignedDomainUrl", "arn:aws:sagemaker:us-west-2:acct-id:user-profile/domain-id/ann", nil}, ask{"sagemaker:CreatePresignedDomainUrl", "arn:aws:sagemaker:us-west-2:acct-id:user-profile/other/ann", nil}},
	{"001-p108", Managed, ask{"sagemaker:DescribeUserProfile", "*", set{"aws:SourceVpc": "vpc-111bbaaa"}}, ask{"sagemaker:DescribeUserProfile", "*", set{"aws:SourceVpc": "vpc-other"}}},
	{"001-p108b", Managed, ask{"sagemaker:CreatePresignedDomainUrl", "*", set{"aws:SourceVpce": "vpce-111bbddd"}}, ask{"sagemaker:CreatePresignedDomainUrl", "*", set{"aws:SourceIp": "192.0.2.1"}}},
	{"001-p110", Managed, ask{"sagemaker:DescribeUserProfile", "*", set{"aws:SourceIp": "203.0.113.200"}}, ask{"sagemaker:DescribeUserProfile", "*", set{"aws:VpcSourceIp": "203.0.113.200"}}}, // through an endpoint there is no aws:SourceIp
	{"001-p111", Managed, ask{"sagemaker:DescribeUserProfile", "*", set{"aws:VpcSourceIp": "192.0.2.7", "aws:SourceVpc": "vpc-111bbaaa"}}, ask{"sagemaker:DescribeUserProfile", "*", set{"aws:VpcSourceIp": "192.0.2.7", "aws:SourceVpc": "vpc-other"}}},
	{"001-p113", Endpoint, ask{"sagemaker-mlflow:CreateRun", "arn:aws:sagemaker:AWS Region:111122223333:mlflow-tracking-server/s", nil}, ask{"sagemaker:CreateRun", "arn:aws:sagemaker:AWS Region:111122223333:mlflow-tracking-server/s", nil}},
	{"001-p114", Managed, ask{"sagemaker-mlflow:CreateRun", "*", set{"aws:SourceVpce": "vpce-111bbaaa"}}, ask{"sagemaker-mlflow:CreateRun", "*", set{"aws:SourceVpce": "vpce-111bbccc"}}},
	{"001-p115", Managed, ask{"sagemaker-mlflow:CreateRun", "*", set{"aws:SourceVpce": "vpce-111bbccc"}}, ask{"sagemaker-mlflow:CreateRun", "*", set{}}},
	{"001-p116", Managed, ask{"sagemaker-mlflow:CreateRun", "*", set{"aws:SourceIp": "192.0.2.255"}}, ask{"sagemaker-mlflow:CreateRun", "*", set{"aws:SourceIp": "192.0.3.0"}}},
	{"001-p117", Managed, ask{"sagemaker-mlflow:CreateRun", "*", set{"aws:VpcSourceIp": "192.0.2.7", "aws:SourceVpc": "vpc-111bbaaa"}}, ask{"sagemaker-mlflow:CreateRun", "*", set{"aws:SourceVpc": "vpc-111bbaaa", "aws:VpcSourceIp": "10.0.0.1"}}},
	{"001-p119", Endpoint, ask{"sagemaker:CreatePresignedNotebookInstanceUrl", "arn:aws:sagemaker:us-west-2:123456789012:notebook-instance/myNotebookInstance", nil}, ask{"sagemaker:CreatePresignedNotebookInstanceUrl", "arn:aws:sagemaker:us-west-2:123456789012:notebook-instance/other", nil}},
	{"001-p120", Managed, ask{"sagemaker:DescribeNotebookInstance", "*", set{"aws:SourceVpc": "vpc-111bbaaa"}}, ask{"sagemaker:DescribeNotebookInstance", "*", nil}},
	{"001-p121", Managed, ask{"sagemaker:DescribeNotebookInstance", "*", set{"aws:SourceVpce": "vpce-111bbccc"}}, ask{"sagemaker:DescribeNotebookInstance", "*", set{"aws:SourceVpce": "vpce-9"}}},
	{"001-p127", Endpoint, ask{"s3:PutObject", "arn:aws:s3:::packages.us-east-1.amazonaws.com/x", nil}, ask{"s3:GetObject", "arn:aws:s3:::packages.us-east-1.amazonaws.com/x", nil}},
	{"001-p127b", Endpoint, ask{"s3:GetObject", "arn:aws:s3:::mine/x", nil}, ask{"s3:GetObject", "arn:aws:s3:::amazonlinux.us-east-1.amazonaws.com/x", nil}},
	{"001-p131", Endpoint, ask{"s3:GetObject", "arn:aws:s3:::mine/x", nil}, ask{"s3:GetObject", "arn:aws:s3:::repo.us-east-1.amazonaws.com/x", nil}},
	{"001-p132", Endpoint, ask{"s3:GetObject", "arn:aws:s3:::mine/x", nil}, ask{"s3:GetObject", "arn:aws:s3:::amazonlinux.us-east-1.amazonaws.com/x", nil}},
	{"001-p136", Endpoint, ask{"s3:GetObject", "arn:aws:s3:::mine/x", nil}, ask{"s3:GetObject", "arn:aws:s3:::repo.us-east-1.amazonaws.com/x", nil}},
	{"001-p136b", Endpoint, ask{"s3:GetObject", "arn:aws:s3:::mine/x", nil}, ask{"s3:GetObject", "arn:aws:s3:::amazonlinux.us-east-1.amazonaws.com/x", nil}},
	{"001-p137", Managed, ask{"ec2:CreateNetworkInterface", "*", nil}, ask{"ec2:RunInstances", "*", nil}},
	{"001-p141", Endpoint, ask{"s3:GetObject", "arn:aws:s3:::mine/x", nil}, ask{"s3:GetObject", "arn:aws:s3:::repo.us-east-1.amazonaws.com/x", nil}},
	{"001-p142", Endpoint, ask{"s3:GetObject", "arn:aws:s3:::mine/x", nil}, ask{"s3:GetObject", "arn:aws:s3:::amazonlinux.us-east-1.amazonaws.com/x", nil}},
	{"001-p149", Resource, ask{"s3:GetObject", "arn:aws:s3:::your-sample-bucket/x", set{"aws:SourceVpce": "vpce-1a2b3c4d"}}, ask{"s3:GetObject", "arn:aws:s3:::your-sample-bucket/x", set{"aws:SourceIp": "192.0.2.1"}}},
	{"001-p150", Managed, ask{"ec2:ModifyNetworkInterfaceAttribute", "*", nil}, ask{"ec2:ModifyVpcEndpoint", "*", nil}},
	{"001-p154", Managed, ask{"ec2:DescribeVpcs", "*", nil}, ask{"ec2:CreateVpc", "*", nil}},
	{"001-p222", Trust, ask{"sts:SetSourceIdentity", "*", nil}, ask{"sts:TagSession", "*", nil}},
}

func TestPrintedPolicies(t *testing.T) {
	open := []Attached{{Document: mustParse(t, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)}}
	everyone := []Attached{{Document: mustParse(t, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`)}}
	files, err := filepath.Glob("testdata/printed/*.json")
	if err != nil || len(files) != len(printed) {
		t.Fatalf("%d files, %d tested (%v)", len(files), len(printed), err)
	}
	for _, p := range printed {
		t.Run(p.file, func(t *testing.T) {
			text, err := os.ReadFile("testdata/printed/" + p.file + ".json")
			if err != nil {
				t.Fatal(err)
			}
			d := mustParse(t, string(text))
			if err := d.Check(p.kind); err != nil {
				t.Errorf("as %s: %v", p.kind, err)
			}
			if again := mustParse(t, d.String()); again.String() != string(text) {
				t.Error("the text does not come back")
			}
			at := []Attached{{Document: d, Name: p.file}}
			s, who := &Stack{Identity: at}, ann
			switch p.kind {
			case Endpoint:
				s = &Stack{Identity: open, Endpoint: at}
				if !d.statements[0].allow {
					s.Endpoint = append(at, everyone...)
				}
			case Resource:
				s = &Stack{Identity: open, Resource: at}
			case Trust:
				s, who = &Stack{Resource: at, Trust: true}, service
			}
			for i, a := range []ask{p.yes, p.no} {
				r := &Request{Principal: who, Action: a.action, Resource: a.resource, Context: a.ctx.context()}
				got := Explain(s, r)
				if (got.Effect == Allowed) != (i == 0) {
					t.Errorf("%s on %s with %v: %s", a.action, a.resource, a.ctx, got.Effect)
				}
				if i == 1 && d.statements[0].allow && got.Effect != ImplicitDeny || i == 1 && got.Effect != ImplicitDeny && got.Policy != p.file {
					t.Errorf("denied by %+v", got.Result)
				}
			}
		})
	}
}
