"""Every other kind of job by boto3, from inside a private subnet, as a user who may do these and nothing else: K-Means
trained from a pipe, its model deployed, and then on it a batch transform, a compilation, load tests on two instance types
and a Clarify-style processing job with a temporary endpoint, all side by side.

Reads its order as JSON from the first argument.
"""

import io
import json
import sys
import tarfile
import time

import boto3

order = json.loads(sys.argv[1])
bucket, name, role = order["bucket"], "kinds", order["role"]
network = {"Subnets": order["subnets"], "SecurityGroupIds": [order["group"]]}
quick = {"Delay": 1, "MaxAttempts": 240}
s3, sagemaker, logs = boto3.client("s3"), boto3.client("sagemaker"), boto3.client("logs")


def archive(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        for file, body in files.items():
            info = tarfile.TarInfo(file.replace("_", "."))
            info.size = len(body)
            t.addfile(info, io.BytesIO(body))
    return out.getvalue()


def source(prefix):
    return {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{prefix}"}}


def ended(call, status, **request):
    """Waits for a job, also of the kinds that boto3 has no waiter for."""
    for _ in range(480):
        got = call(**request)
        if got[status].upper() in ("COMPLETED", "FAILED", "STOPPED"):
            return got
        time.sleep(0.5)
    raise SystemExit("never ended: " + str(request))


def logged(group, prefix):
    """The lines of a job's log streams."""
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
    assert streams, f"no streams {prefix} in {group}"
    lines = []
    for stream in streams:
        got = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
        lines += [e["message"] for e in got["events"]]
    return lines


with open(order["data"], "rb") as f:
    rows = f.read()
row = rows.split(b"\n", 1)[0] + b"\n"
s3.put_object(Bucket=bucket, Key="kinds/train/digits.csv", Body=rows)
s3.put_object(Bucket=bucket, Key="kinds/sample.tar.gz", Body=archive(row_csv=row))
s3.put_object(Bucket=bucket, Key="kinds/ask/rows.csv", Body=row * 3)
with open(order["ca"], "rb") as f:
    s3.put_object(Bucket=bucket, Key="kinds/ca/ca.pem", Body=f.read())

# Training, from a pipe: two epochs are two pipes, each with all of the data.
sagemaker.create_training_job(
    TrainingJobName=name,
    RoleArn=role,
    AlgorithmSpecification={"TrainingImage": order["kmeans"], "TrainingInputMode": "Pipe"},
    InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv;label_size=0", "DataSource": source("kinds/train/")}],
    OutputDataConfig={"S3OutputPath": f"s3://{bucket}/kinds/models"},
    ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    StoppingCondition={"MaxRuntimeInSeconds": 600},
    HyperParameters={"k": "10", "feature_dim": "64", "epochs": "2", "mini_batch_size": "500"},
    VpcConfig=network,
)
job = ended(sagemaker.describe_training_job, "TrainingJobStatus", TrainingJobName=name)
assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
assert job["AlgorithmSpecification"]["TrainingInputMode"] == "Pipe", job
model = job["ModelArtifacts"]["S3ModelArtifacts"]
lines = logged("/aws/sagemaker/TrainingJobs", name + "/algo-1-")
passes = [json.loads(line.removeprefix("#metrics ")) for line in lines if '"training_data_iter"' in line and '"epoch"' in line]
records = [(p["Dimensions"]["epoch"], p["Metrics"]["Number of Records Since Last Reset"]["sum"]) for p in passes]
assert records == [(0, rows.count(b"\n")), (1, rows.count(b"\n"))], lines
print("trained from two pipes:", records)

sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, VpcConfig=network, PrimaryContainer={"Image": order["kmeans"], "ModelDataUrl": model})
variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

sagemaker.create_transform_job(
    TransformJobName=name, ModelName=name,
    TransformInput={"ContentType": "text/csv", "SplitType": "Line", "DataSource": source("kinds/train/")},
    TransformOutput={"S3OutputPath": f"s3://{bucket}/kinds/out", "Accept": "text/csv", "AssembleWith": "Line"},
    DataProcessing={"JoinSource": "Input"},
    TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1})

s3.put_object(Bucket=bucket, Key="kinds/empty.tar.gz", Body=archive(weights=b""))
for job, archived in {name: model, "kinds-empty": f"s3://{bucket}/kinds/empty.tar.gz"}.items():
    sagemaker.create_compilation_job(
        CompilationJobName=job, RoleArn=role, VpcConfig=network,
        InputConfig={"S3Uri": archived, "DataInputConfig": '{"data": [1, 64]}', "Framework": "MXNET"},
        OutputConfig={"S3OutputLocation": f"s3://{bucket}/kinds/compiled/", "TargetDevice": "ml_c5"},
        StoppingCondition={"MaxRuntimeInSeconds": 900})

sagemaker.create_inference_recommendations_job(
    JobName=name, JobType="Advanced", RoleArn=role,
    InputConfig={
        "ModelName": name,
        "TrafficPattern": {"TrafficType": "PHASES", "Phases": [{"InitialNumberOfUsers": 1, "SpawnRate": 0, "DurationInSeconds": 1}]},
        "EndpointConfigurations": [{"InstanceType": "ml.m5.large"}, {"InstanceType": "ml.c5.xlarge"}],
        "ContainerConfig": {"PayloadConfig": {"SamplePayloadUrl": f"s3://{bucket}/kinds/sample.tar.gz", "SupportedContentTypes": ["text/csv"]}},
        "VpcConfig": network,
    })


def clarify(job, model, **more):
    """Asks for a job of an image that makes an endpoint of the model, as Clarify's does."""
    predictor = {"model_name": model, "instance_type": "ml.m5.large", "initial_instance_count": 1, "content_type": "text/csv", "accept_type": "text/csv"}
    s3.put_object(Bucket=bucket, Key=f"kinds/{job}/analysis_config.json", Body=json.dumps({"dataset_type": "text/csv", "predictor": predictor}))
    inputs = {"config": f"kinds/{job}/analysis_config.json", "data": "kinds/ask/", "ca": "kinds/ca/ca.pem"}
    root = "/opt/ml/processing/"
    sagemaker.create_processing_job(
        ProcessingJobName=job, RoleArn=order["clarify"], AppSpecification={"ImageUri": order["analyst"]},
        ProcessingInputs=[{"InputName": n, "S3Input": {"S3Uri": f"s3://{bucket}/{k}", "LocalPath": root + "input/" + n, "S3DataType": "S3Prefix",
                                                       "S3InputMode": "File"}} for n, k in inputs.items()],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "analysis", "S3Output": {"S3Uri": f"s3://{bucket}/kinds/{job}-out", "LocalPath": root + "output",
                                                                                  "S3UploadMode": "EndOfJob"}}]},
        ProcessingResources={"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
        Environment={"SSL_CERT_FILE": root + "input/ca/ca.pem"},
        NetworkConfig={"VpcConfig": network} | more)


clarify("kinds-clarify", name)
# The same of a model that is in one zone alone: the endpoint cannot be made, and the job says so.
sagemaker.create_model(ModelName="kinds-one-zone", ExecutionRoleArn=role, VpcConfig=network | {"Subnets": network["Subnets"][:1]},
                       PrimaryContainer={"Image": order["kmeans"], "ModelDataUrl": model})
clarify("kinds-one-zone", "kinds-one-zone")
# And one that is cut off: it has no credentials, and nobody to ask.
clarify("kinds-isolated", name, EnableNetworkIsolation=True)

# What came of them.
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=quick)
answer = boto3.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, ContentType="text/csv", Accept="text/csv", Body=row)["Body"].read()
cluster, distance = answer.decode().strip().split(",")
assert float(cluster) < 10 and float(distance) > 0, answer
print("deployed: row 1 is in cluster", cluster)

done = ended(sagemaker.describe_transform_job, "TransformJobStatus", TransformJobName=name)
assert done["TransformJobStatus"] == "Completed", done.get("FailureReason")
out = s3.get_object(Bucket=bucket, Key="kinds/out/digits.csv.out")["Body"].read().splitlines()
assert len(out) == rows.count(b"\n") and out[0] == row.strip() + b"," + answer.strip(), (len(out), out[0], answer)
print("transformed", len(out), "rows, joined with their input")

compiled = ended(sagemaker.describe_compilation_job, "CompilationJobStatus", CompilationJobName=name)
assert compiled["CompilationJobStatus"] == "COMPLETED", compiled
at = compiled["ModelArtifacts"]["S3ModelArtifacts"]
assert at == f"s3://{bucket}/kinds/compiled/model-ml_c5.tar.gz" and compiled["CompilationEndTime"] >= compiled["CompilationStartTime"], compiled
with tarfile.open(fileobj=io.BytesIO(s3.get_object(Bucket=bucket, Key="kinds/compiled/model-ml_c5.tar.gz")["Body"].read())) as t:
    assert sorted(t.getnames()) == ["compiled.json", "model_algo-1"], t.getnames()
    note = json.load(t.extractfile("compiled.json"))
assert note == {"framework": "MXNET", "target": "ml_c5", "user": 4711}, note
assert any("1 files" in line for line in logged("/aws/sagemaker/CompilationJobs", name)), "the compiler's log is empty"
empty = ended(sagemaker.describe_compilation_job, "CompilationJobStatus", CompilationJobName="kinds-empty")
assert (empty["CompilationJobStatus"], empty["FailureReason"]) == ("FAILED", "ClientError: InputConfiguration: The model has no weights."), empty
print("compiled", at, "and not the empty one")

tested = ended(sagemaker.describe_inference_recommendations_job, "Status", JobName=name)
assert tested["Status"] == "COMPLETED", tested.get("FailureReason")
shapes = tested["InferenceRecommendations"]
steps = sagemaker.list_inference_recommendations_job_steps(JobName=name)["Steps"]
assert len(steps) == 2 and all(s["Status"] == "COMPLETED" and s["InferenceBenchmark"]["Metrics"]["MaxInvocations"] > 0 for s in steps), steps
assert {r["EndpointConfiguration"]["InstanceType"] for r in shapes} == {"ml.m5.large", "ml.c5.xlarge"}, shapes
assert all(r["Metrics"]["MaxInvocations"] > 0 and r["Metrics"]["ModelLatency"] > 0 for r in shapes), shapes
print("recommended", {r["EndpointConfiguration"]["InstanceType"]: r["Metrics"]["MaxInvocations"] for r in shapes})

job = ended(sagemaker.describe_processing_job, "ProcessingJobStatus", ProcessingJobName="kinds-clarify")
assert job["ProcessingJobStatus"] == "Completed", (job.get("FailureReason"), logged("/aws/sagemaker/ProcessingJobs", "kinds-clarify/"))
analysis = json.loads(s3.get_object(Bucket=bucket, Key="kinds/kinds-clarify-out/analysis.json")["Body"].read())
assert [a.encode().split() for a in analysis["answers"]] == [[answer.strip()] * 3], analysis
job = ended(sagemaker.describe_processing_job, "ProcessingJobStatus", ProcessingJobName="kinds-one-zone")
reason = job["FailureReason"]
assert job["ProcessingJobStatus"] == "Failed" and reason.startswith("ClientError: Error hosting endpoint sagemaker-clarify-endpoint-") and reason.endswith(
    ": Failed. Reason: Unable to locate at least 2 availability zone(s) with the requested instance type ml.m5.large that overlap with SageMaker subnets."), job
print("explained by", analysis["endpoint"], "and not in one zone:", reason)

job = ended(sagemaker.describe_processing_job, "ProcessingJobStatus", ProcessingJobName="kinds-isolated")
assert job["FailureReason"] == "AlgorithmError: , exit code: 1", job
said = logged("/aws/sagemaker/ProcessingJobs", "kinds-isolated/")
assert "connect: network is unreachable" in said[0], said
print("isolated:", said)

# Nothing of the temporary endpoints is left.
assert not sagemaker.list_endpoints(NameContains="clarify")["Endpoints"]
assert not sagemaker.list_endpoint_configs(NameContains="clarify")["EndpointConfigs"]
sagemaker.delete_endpoint(EndpointName=name)
sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=quick)
for group in "Endpoints/" + name, "ProcessingJobs", "TransformJobs", "InferenceRecommendationsJobs":
    assert logs.describe_log_streams(logGroupName="/aws/sagemaker/" + group)["logStreams"], group
