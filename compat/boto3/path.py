"""The private path by boto3, from inside a subnet: upload, train, read the log, deploy, invoke.

Reads its order as JSON from the first argument; writes the endpoint's answer to the file that it names.
"""

import json
import sys
import time

import boto3
from botocore.exceptions import ClientError

order = json.loads(sys.argv[1])
bucket, name = order["bucket"], order["name"]
network = {"Subnets": order["subnets"], "SecurityGroupIds": [order["group"]]}
quick = {"Delay": 1, "MaxAttempts": 120}

s3, sagemaker, logs = boto3.client("s3"), boto3.client("sagemaker"), boto3.client("logs")
runtime = boto3.client("sagemaker-runtime")

print("caller", boto3.client("sts").get_caller_identity()["Arn"])
s3.upload_file(order["data"], bucket, f"{name}/train/digits.csv")
listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{name}/train/")
print("uploaded", [o["Key"] for o in listed["Contents"]])

sagemaker.create_training_job(
    TrainingJobName=name,
    RoleArn=order["role"],
    AlgorithmSpecification={"TrainingImage": order["image"], "TrainingInputMode": "File"},
    InputDataConfig=[{
        "ChannelName": "train",
        "ContentType": "text/csv;label_size=0",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{name}/train/"}},
    }],
    OutputDataConfig={"S3OutputPath": f"s3://{bucket}/{name}/models"},
    ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    StoppingCondition={"MaxRuntimeInSeconds": 600},
    HyperParameters={"k": "10", "feature_dim": "64"},
    VpcConfig=network,
    EnableNetworkIsolation=True,
)
sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=quick)
job = sagemaker.describe_training_job(TrainingJobName=name)
assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
assert isinstance(job["TrainingEndTime"].year, int)
print("trained", [t["Status"] for t in job["SecondaryStatusTransitions"]])

group = "/aws/sagemaker/TrainingJobs"
streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
assert len(streams) == 1, streams
events = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"], startFromHead=True)["events"]
assert any("quality_metric" in e["message"] for e in events), events
print("logged", len(events), "lines")

sagemaker.create_model(
    ModelName=name,
    ExecutionRoleArn=order["role"],
    PrimaryContainer={"Image": order["image"], "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]},
    VpcConfig=network,
    EnableNetworkIsolation=True,
)
variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=quick)
print("deployed", sagemaker.describe_endpoint(EndpointName=name)["EndpointArn"])

with open(order["data"], "rb") as rows:
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=rows)
assert answer["InvokedProductionVariant"] == "AllTraffic", answer
with open(order["answer"], "wb") as out:
    out.write(answer["Body"].read())
print("invoked", answer["ContentType"])

# A refusal is an exception of its own class, with the code and the sentence.
try:
    sagemaker.describe_training_job(TrainingJobName="no-such-job")
except ClientError as e:
    assert e.response["Error"]["Code"] == "ValidationException", e
    assert "Requested resource not found" in str(e), e
else:
    raise AssertionError("a job that nobody made was described")

sagemaker.delete_endpoint(EndpointName=name)
sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=quick)
sagemaker.delete_endpoint_config(EndpointConfigName=name)
sagemaker.delete_model(ModelName=name)
print("deleted at", time.strftime("%H:%M:%S"))
