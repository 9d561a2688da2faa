"""The errors of SageMaker's troubleshooting pages by boto3, from inside a private subnet: each is had by the mistake that
causes it, and read where a user reads it. docs/troubleshooting.md has the same list, with what to do.

Reads its order as JSON from the first argument.
"""

import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

order = json.loads(sys.argv[1])
bucket, role, account, region = order["bucket"], order["role"], order["account"], order["region"]
network = {"Subnets": order["subnets"], "SecurityGroupIds": [order["group"]]}
one = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
sagemaker, logs = boto3.client("sagemaker"), boto3.client("logs")
arn = f"arn:aws:sagemaker:{region}:{account}:"
seen = []


def mistake(sentence, call, exactly=True, **request):
    """Makes it, and holds what botocore says against the page's sentence."""
    try:
        call(**request)
    except (ClientError, BotoCoreError) as e:
        said = str(e)
        assert said == sentence if exactly else sentence in said, f"\n  said   {said}\n  wanted {sentence}"
        seen.append(said[:160])
        return e
    raise AssertionError("not refused: " + sentence)


def error(code, operation, message):
    return f"An error occurred ({code}) when calling the {operation} operation: {message}"


def training(**more):
    return dict(
        TrainingJobName="mistake", RoleArn=role, AlgorithmSpecification={"TrainingImage": order["kmeans"], "TrainingInputMode": "File"},
        InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv;label_size=0", "DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/train/"}}}],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"}, ResourceConfig=one, StoppingCondition={"MaxRuntimeInSeconds": 600},
        HyperParameters={"k": "10", "feature_dim": "64"}, VpcConfig=network) | more


def processing(name, **more):
    return dict(ProcessingJobName=name, RoleArn=role, AppSpecification={"ImageUri": order["analyst"], "ContainerArguments": ["read", "/opt/ml/processing/input/census-income.csv"]},
                ProcessingResources={"ClusterConfig": one}, NetworkConfig={"VpcConfig": network}) | more


def ended(call, status, **request):
    for _ in range(600):
        got = call(**request)
        if got[status] in ("Completed", "Failed", "Stopped"):
            return got
        time.sleep(0.25)
    raise SystemExit("never ended: " + str(request))


# An endpoint whose container does not answer. It has a minute, so it comes first, and is asked for last.
sagemaker.create_model(ModelName="gpt2-large", ExecutionRoleArn=role, PrimaryContainer={"Image": order["analyst"]}, VpcConfig=network)
sagemaker.create_endpoint_config(EndpointConfigName="gpt2-large", ProductionVariants=[{
    "VariantName": "AllTraffic", "ModelName": "gpt2-large", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large", "ContainerStartupHealthCheckTimeoutInSeconds": 60}])
sagemaker.create_endpoint(EndpointName="gpt2-large", EndpointConfigName="gpt2-large")
# And one whose image there is not.
nobodys = f"{account}.dkr.ecr.{region}.amazonaws.com/nobodys:1"
sagemaker.create_model(ModelName="nobodys", ExecutionRoleArn=role, PrimaryContainer={"Image": nobodys}, VpcConfig=network)
sagemaker.create_endpoint_config(EndpointConfigName="nobodys", ProductionVariants=[{
    "VariantName": "AllTraffic", "ModelName": "nobodys", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}])
sagemaker.create_endpoint(EndpointName="nobodys", EndpointConfigName="nobodys")

# A script that looks for its data where none was put, and a role that may not read it.
sagemaker.create_processing_job(**processing("census"))
sagemaker.create_training_job(**training(TrainingJobName="poor", RoleArn=order["poor"]))
# A role that may not write logs either: the job is as it would be, and nobody can read why.
sagemaker.create_processing_job(**processing("mute", RoleArn=order["poor"]))
# A subnet from which no route leads to S3.
sagemaker.create_training_job(**training(TrainingJobName="unrouted", VpcConfig=network | {"Subnets": [order["unrouted"]]}))
# An image of an account that AWS does not keep K-Means in, as in the Spark example.
spark = f"811284229777.dkr.ecr.{region}.amazonaws.com/kmeans:1"
sagemaker.create_training_job(**training(TrainingJobName="spark", AlgorithmSpecification={"TrainingImage": spark, "TrainingInputMode": "File"}))

# A service that the VPC has no interface endpoint for.
sts = boto3.client("sts", config=Config(connect_timeout=1, retries={"max_attempts": 0}))
mistake(f'Connect timeout on endpoint URL: "https://sts.{region}.amazonaws.com/"', sts.get_caller_identity)

# Identity and access.
mateo = boto3.Session(profile_name=order["mateo"]).client("sagemaker")
user = f"User: arn:aws:iam::{account}:user/{order['mateo']} is not authorized to perform: "
mistake(error("AccessDeniedException", "DescribeTrainingJob", f"{user}sagemaker:DescribeTrainingJob on resource: {arn}training-job/my-example-widget "
              "because no identity-based policy allows the sagemaker:DescribeTrainingJob action"), mateo.describe_training_job, TrainingJobName="my-example-widget")
mistake(error("AccessDeniedException", "CreateTrainingJob", f"{user}iam:PassRole on resource: {role} because no identity-based policy allows the iam:PassRole action"),
        mateo.create_training_job, **training())

# Creating a training job.
big, none = one | {"InstanceType": "ml.m5.4xlarge"}, one | {"InstanceType": "ml.trn1.32xlarge"}
mistake(error("ResourceLimitExceeded", "CreateTrainingJob", "The account-level service limit 'ml.m5.4xlarge for training job usage' is 0 Instances, with current "
              "utilization of 0 Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an increase for this quota. If AWS Service "
              "Quotas is not available, contact AWS support to request an increase for this quota."), sagemaker.create_training_job, **training(ResourceConfig=big))
mistake(error("ValidationException", "CreateTrainingJob", "The requested resource training-job/ml.trn1.32xlarge is not available in this region"),
        sagemaker.create_training_job, **training(ResourceConfig=none))
mistake("An error occurred (ValidationException) when calling the CreateTrainingJob operation: 1 validation error detected: Value 'ml.m5.huge' at "
        "'resourceConfig.instanceType' failed to satisfy constraint: Member must satisfy enum value set: [", sagemaker.create_training_job, exactly=False,
        **training(ResourceConfig=one | {"InstanceType": "ml.m5.huge"}))
mistake(error("ValidationException", "CreateTrainingJob", f"Could not assume role {order['strange']}. Please ensure that the role exists and allows principal "
              "'sagemaker.amazonaws.com' to assume the role."), sagemaker.create_training_job, **training(RoleArn=order["strange"]))

url = f"s3://{bucket}/train/"
sees = (f'No S3 objects found under S3 URL "%s" given in input data source. Please ensure that the bucket exists in the selected region ({region}), that objects '
        f'exist under that S3 prefix, and that the role "%s" has "s3:ListBucket" permissions on bucket "{bucket}".')
outside = training(RoleArn=order["poor"])
del outside["VpcConfig"]
mistake(error("ValidationException", "CreateTrainingJob", sees % (url, order["poor"]) + " Error message from S3: "), sagemaker.create_training_job, exactly=False, **outside)
channel = training()["InputDataConfig"][0] | {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": url + "nothing"}}}
mistake(error("ValidationException", "CreateTrainingJob", sees % (url + "nothing", role)), sagemaker.create_training_job, **training(InputDataConfig=[channel]))

# Updating one.
mistake(error("ValidationException", "UpdateTrainingJob", "Invalid UpdateTrainingJobRequest, the request cannot be empty"), sagemaker.update_training_job, TrainingJobName="mistake")
mistake("Parameter validation failed:\nInvalid type for parameter ProfilerRuleConfigurations, value: {'DisableProfiler': False}, type: <class 'dict'>, "
        "valid types: <class 'list'>, <class 'tuple'>", sagemaker.update_training_job, TrainingJobName="mistake", ProfilerRuleConfigurations={"DisableProfiler": False})

# Creating a processing job.
e = mistake(error("ValidationException", "CreateProcessingJob", "RoleArn: Cross-account pass role is not allowed."), sagemaker.create_processing_job,
            **processing("across", RoleArn="arn:aws:iam::111122223333:role/theirs"))
# What every such error has, as the guidance on handling them shows it.
meta = e.response["ResponseMetadata"]
assert e.response["Error"]["Code"] == "ValidationException" and meta["HTTPStatusCode"] == 400 and meta["RetryAttempts"] == 0, e.response
assert meta["RequestId"] == meta["HTTPHeaders"]["x-amzn-requestid"], meta

# A model whose archive is not there.
mistake(error("ValidationException", "CreateModel", f'Could not access model data at {url}none.tar.gz. Please ensure that the role "{role}" exists and that its trust relationship '
              'policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that '
              f'the object is located in {region}.'), sagemaker.create_model, ModelName="none", ExecutionRoleArn=role,
        PrimaryContainer={"Image": order["kmeans"], "ModelDataUrl": url + "none.tar.gz"})
# Updating an endpoint that is not there.
mistake(error("ValidationException", "UpdateEndpoint", f'Could not find endpoint "{arn}endpoint/abc".'), sagemaker.update_endpoint,
        EndpointName="abc", EndpointConfigName="gpt2-large")
assert "abc" not in [x["EndpointName"] for x in sagemaker.list_endpoints()["Endpoints"]]
mistake(error("ValidationException", "DeleteEndpoint", f'Cannot update in-progress endpoint "{arn}endpoint/gpt2-large".'), sagemaker.delete_endpoint, EndpointName="gpt2-large")
print("\n".join(seen))


def lines(group, prefix):
    got = []
    for stream in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]:
        got += [x["message"] for x in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)["events"]]
    return got


def failed(call, key, reason, exactly=True, **request):
    got = ended(call, key, **request)
    said = got.get("FailureReason", "")
    assert got[key] == "Failed" and (said == reason if exactly else said.startswith(reason)), f"\n  said   {got[key]} {said}\n  wanted {reason}"
    print(said)


failed(sagemaker.describe_processing_job, "ProcessingJobStatus", "AlgorithmError: , exit code: 1", ProcessingJobName="census")
said = lines("/aws/sagemaker/ProcessingJobs", "census/algo-1-")
assert said == ["open /opt/ml/processing/input/census-income.csv: no such file or directory"], said
failed(sagemaker.describe_processing_job, "ProcessingJobStatus", "AlgorithmError: , exit code: 1", ProcessingJobName="mute")
assert lines("/aws/sagemaker/ProcessingJobs", "mute/") == []
failed(sagemaker.describe_training_job, "TrainingJobStatus", "ClientError: Data download failed:Please ensure that the subnet's route table has a route to an S3 VPC endpoint "
       "or a NAT device, and both the security groups and the subnet's network ACL allow outbound traffic to S3.", TrainingJobName="unrouted")
failed(sagemaker.describe_training_job, "TrainingJobStatus", "ClientError: Data download failed:failed to download data. 403 Forbidden (403): Forbidden", TrainingJobName="poor")
failed(sagemaker.describe_training_job, "TrainingJobStatus", f"ClientError: Cannot find the training image {spark}. Please check that the image exists and that the role {role} may pull it.",
       exactly=False, TrainingJobName="spark")
failed(sagemaker.describe_endpoint, "EndpointStatus", f"The image '{nobodys}' does not exist, or the role {role} may not pull it.", exactly=False, EndpointName="nobodys")
failed(sagemaker.describe_endpoint, "EndpointStatus", "The primary container for production variant AllTraffic did not pass the ping health check. "
       "Please check CloudWatch logs for this endpoint.", EndpointName="gpt2-large")
said = lines("/aws/sagemaker/Endpoints/gpt2-large", "AllTraffic/")
assert said[0].startswith("NotImplementedError: gptq quantization is not supported for AutoModel"), said
sagemaker.delete_endpoint(EndpointName="nobodys")
sagemaker.delete_endpoint(EndpointName="gpt2-large")
sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="gpt2-large", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
