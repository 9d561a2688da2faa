"""Tuning and batch transform by boto3, from inside a subnet: search for the number of clusters, then have the
best model answer a whole prefix.

Reads its order as JSON from the first argument; writes the transform's output to the file that it names.
"""

import json
import sys
import time

import boto3

order = json.loads(sys.argv[1])
bucket, name = order["bucket"], order["name"]
network = {"Subnets": order["subnets"], "SecurityGroupIds": [order["group"]]}
s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
s3.upload_file(order["data"], bucket, f"{name}/train/digits.csv")


def channel(which):
    return {
        "ChannelName": which,
        "ContentType": "text/csv;label_size=0",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{name}/train/"}},
    }


def tune(tuning, job, **more):
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=tuning,
        HyperParameterTuningJobConfig={
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "test:msd"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": job, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {"IntegerParameterRanges": [{"Name": "k", "MinValue": "2", "MaxValue": "30"}]},
        },
        TrainingJobDefinition={
            "StaticHyperParameters": {"feature_dim": "64"},
            "AlgorithmSpecification": {"TrainingImage": order["image"], "TrainingInputMode": "File"},
            "RoleArn": order["role"],
            "InputDataConfig": [channel("train"), channel("test")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/{name}/models"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "VpcConfig": network,
            "EnableNetworkIsolation": True,
        },
        **more,
    )


def ended(describe, status):
    for _ in range(240):
        got = describe()
        if got[status] in ("Completed", "Failed", "Stopped"):
            assert got[status] == "Completed", got
            return got
        time.sleep(0.5)
    raise SystemExit("never ended")


tune(name, 3)
tuned = ended(lambda: sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name), "HyperParameterTuningJobStatus")
assert tuned["TrainingJobStatusCounters"]["Completed"] == 3, tuned
best = tuned["BestTrainingJob"]
trials = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
    HyperParameterTuningJobName=name, SortBy="FinalObjectiveMetricValue", SortOrder="Ascending")["TrainingJobSummaries"]
assert trials[0]["TrainingJobName"] == best["TrainingJobName"], trials
assert max(int(t["TunedHyperParameters"]["k"]) for t in trials) == int(best["TunedHyperParameters"]["k"]), trials
job = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
assert job["TuningJobArn"] == tuned["HyperParameterTuningJobArn"], job
final = {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}
assert final["test:msd"] == best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"], final
print("tuned", [(t["TunedHyperParameters"]["k"], t["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]) for t in trials])

parent = {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": name}], "WarmStartType": "IdenticalDataAndAlgorithm"}
tune(name + "-warm", 1, WarmStartConfig=parent)
warm = ended(lambda: sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name + "-warm"), "HyperParameterTuningJobStatus")
assert "OverallBestTrainingJob" in warm, warm

sagemaker.create_model(
    ModelName=name, ExecutionRoleArn=order["role"], VpcConfig=network, EnableNetworkIsolation=True,
    PrimaryContainer={"Image": order["image"], "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]})
sagemaker.create_transform_job(
    TransformJobName=name, ModelName=name, BatchStrategy="MultiRecord", MaxPayloadInMB=1,
    TransformInput={"ContentType": "text/csv", "SplitType": "Line",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{name}/train/"}}},
    TransformOutput={"S3OutputPath": f"s3://{bucket}/{name}/out", "Accept": "application/jsonlines", "AssembleWith": "Line"},
    TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 2})
sagemaker.get_waiter("transform_job_completed_or_stopped").wait(TransformJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
done = sagemaker.describe_transform_job(TransformJobName=name)
assert done["TransformJobStatus"] == "Completed", done
s3.download_file(bucket, f"{name}/out/digits.csv.out", order["answer"])
print("transformed", done["TransformJobArn"])
