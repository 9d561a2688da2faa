"""Processing jobs by boto3, from inside a subnet: two instances that meet, and one that is cut off and stopped.

Reads its order as JSON from the first argument.
"""

import json
import sys
import time

import boto3
from botocore.exceptions import ClientError

order = json.loads(sys.argv[1])
bucket, image, role = order["bucket"], order["image"], order["role"]
network = {"Subnets": order["subnets"], "SecurityGroupIds": [order["group"]]}
s3, sagemaker, logs = boto3.client("s3"), boto3.client("sagemaker"), boto3.client("logs")
root = "/opt/ml/processing"


def refused(code, message, call, **request):
    try:
        call(**request)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code and message in e.response["Error"]["Message"], e
    else:
        raise AssertionError("not refused: " + message)


def inputs(mode="File", **more):
    s3input = {"S3DataType": "S3Prefix", "S3InputMode": mode, "S3Uri": f"s3://{bucket}/raw", "LocalPath": f"{root}/input/{mode}"}
    return {"InputName": mode, "S3Input": s3input | more}


def resources(n):
    return {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": n, "VolumeSizeInGB": 1}}


def outputs(prefix, mode):
    s3output = {"S3Uri": f"s3://{bucket}/{prefix}", "LocalPath": f"{root}/output", "S3UploadMode": mode}
    return {"Outputs": [{"OutputName": "record", "S3Output": s3output}]}


def recorded(key):
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def config(record, name):
    return json.loads(record["Files"]["/opt/ml/config/" + name]["Text"])


def brought(record):
    return {n.removeprefix(root + "/"): f["Text"] for n, f in record["Files"].items() if n.startswith(root) and f["Mode"].startswith("-")}


for name in "a", "b", "c", "d":
    s3.put_object(Bucket=bucket, Key=f"raw/{name}.txt", Body=name.encode())
two = dict(
    ProcessingJobName="Two",
    RoleArn=role,
    AppSpecification={"ImageUri": image, "ContainerArguments": [f"stream={root}/input/Pipe_0", f"outside={order['outside']}"]},
    ProcessingInputs=[inputs(S3DataDistributionType="ShardedByS3Key"), inputs("Pipe")],
    ProcessingOutputConfig=outputs("two", "EndOfJob"),
    ProcessingResources=resources(2),
    Environment={"COLOUR": "green"},
    NetworkConfig={"VpcConfig": network},
)
arn = sagemaker.create_processing_job(**two)["ProcessingJobArn"]
refused("ResourceInUse", "(" + arn + ")", sagemaker.create_processing_job, **two)
deletes = hasattr(sagemaker, "delete_processing_job")  # a distribution's boto3 may be older than that
if deletes:
    refused("ResourceInUse", "in status InProgress", sagemaker.delete_processing_job, ProcessingJobName="two")
sagemaker.get_waiter("processing_job_completed_or_stopped").wait(ProcessingJobName="Two", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
job = sagemaker.describe_processing_job(ProcessingJobName="Two")
assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
assert job["NetworkConfig"] == {"VpcConfig": network} and job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}, job
assert job["ProcessingInputs"][0]["AppManaged"] is False and job["ProcessingEndTime"] >= job["ProcessingStartTime"], job
hosts = ["algo-1", "algo-2"]
got = [recorded(f"two/{h}.json") for h in hosts]
for h, r in zip(hosts, got):
    told = config(r, "processingjobconfig.json")
    assert told["ProcessingJobArn"] == arn and told["AppSpecification"]["ContainerEntrypoint"] is None, told
    want = {"current_host": h, "hosts": hosts, "network_interface_name": "eth0", "current_instance_type": "ml.m5.large"}
    assert config(r, "resourceconfig.json") == want, r["Files"]
    assert r["Args"] == ["/recorder", *two["AppSpecification"]["ContainerArguments"]], r["Args"]
    assert "COLOUR=green" in r["Env"] and "PROCESSING_JOB_ARN=" + arn in r["Env"], r["Env"]
    assert any(e.startswith("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=") for e in r["Env"]), r["Env"]
    assert r["Streams"] == {f"{root}/input/Pipe_0": ["abcd"]} and list(r["Peers"]) == hosts and r["Outside"] == "reached", r
shards = [brought(r) for r in got]
assert all(len(s) == 2 for s in shards) and shards[0] | shards[1] == {f"input/File/{n}.txt": n for n in "abcd"}, shards
streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix="Two/")["logStreams"]
assert len(streams) == 2, streams
print("two hosts met, with", sorted(shards[0]), "and", sorted(shards[1]))

sagemaker.create_processing_job(**two | dict(
    ProcessingJobName="apart",
    AppSpecification={"ImageUri": image, "ContainerEntrypoint": ["/recorder", "wait=yes"], "ContainerArguments": ["outside=" + order["outside"]]},
    ProcessingInputs=[inputs()],
    ProcessingOutputConfig=outputs("apart/", "Continuous"),
    ProcessingResources=resources(1),
    NetworkConfig={"VpcConfig": network, "EnableNetworkIsolation": True},
))
for _ in range(120):
    if "Contents" in s3.list_objects_v2(Bucket=bucket, Prefix="apart/"):
        break
    time.sleep(0.5)
r = recorded("apart/algo-1.json")
assert r["Outside"] != "reached" and not any("CREDENTIALS" in e for e in r["Env"]), r
assert len(brought(r)) == 4, r
assert sagemaker.describe_processing_job(ProcessingJobName="apart")["ProcessingJobStatus"] == "InProgress"
for _ in range(2):
    sagemaker.stop_processing_job(ProcessingJobName="apart")
sagemaker.get_waiter("processing_job_completed_or_stopped").wait(ProcessingJobName="apart", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
job = sagemaker.describe_processing_job(ProcessingJobName="apart")
assert job["ProcessingJobStatus"] == "Stopped", job
assert [s["Signal"] for s in recorded("apart/algo-1.json")["Signals"]] == ["terminated"]
refused("ValidationException", "in status Stopped", sagemaker.stop_processing_job, ProcessingJobName="apart")
print("one was cut off, told meanwhile and was stopped")

listed = sagemaker.list_processing_jobs(SortBy="Name", SortOrder="Ascending")["ProcessingJobSummaries"]
assert [(j["ProcessingJobName"], j["ProcessingJobStatus"]) for j in listed] == [("Two", "Completed"), ("apart", "Stopped")], listed
if deletes:
    sagemaker.delete_processing_job(ProcessingJobName="Two")
    refused("ValidationException", "Could not find requested job with name: Two", sagemaker.describe_processing_job, ProcessingJobName="Two")
