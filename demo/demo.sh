#!/usr/bin/env bash
# The private path, end to end, as a customer walks it: stock `aws`, no --endpoint-url, no skipped TLS checks.
# Every step prints its command and the answer and is asserted; exits 0 only if every step held.
set -uo pipefail
cd "$(dirname "$0")/.."

DATA=${CLOISTER_DEMO_DATA:-$PWD/.cloister/demo}
LISTEN=${CLOISTER_DEMO_LISTEN:-127.0.0.1:18443}
BIN=$PWD/bin/cloister
ACCOUNT=123456789012 REGION=us-east-1
IMAGE=382416733822.dkr.ecr.$REGION.amazonaws.com/kmeans:1
PROBE=$ACCOUNT.dkr.ecr.$REGION.amazonaws.com/cloister-probe:1
export AWS_PAGER="" AWS_MAX_ATTEMPTS=1 CLOISTER_DATA=$DATA
WORK=$DATA/work
PROVEN=() SERVER=""

bold() { printf '\n\033[1m%s\033[0m\n' "$*"; }
say() { printf '%s\n' "$*"; }
die() {
  printf '\nDEMO FAILED: %s\n' "$*" >&2
  [ -f "$DATA/serve.log" ] && { echo "--- the server's last words" >&2; tail -n 15 "$DATA/serve.log" >&2; }
  exit 1
}
proven() { PROVEN+=("$1"); printf '   \033[32mheld:\033[0m %s\n' "$1"; }
stop() { [ -n "$SERVER" ] && kill "$SERVER" 2>/dev/null && wait "$SERVER" 2>/dev/null; SERVER=""; "$BIN" purge >/dev/null 2>&1; }
trap stop EXIT

# ask COMMAND...: prints the command as a customer would type it, runs it, prints the answer; OUT holds it.
ask() {
  printf '\n$ %s\n' "$*" | sed "s#$BIN#cloister#g; s#$WORK/##g"
  OUT=$("${WHERE[@]}" "$@" 2>&1); RC=$?
  [ -n "$OUT" ] && printf '%s\n' "$OUT" | cut -c1-400 | head -n "${LINES_SHOWN:-40}"
  return 0
}
must() { ask "$@"; [ $RC -eq 0 ] || die "exit $RC of: $*"; }
# refused TEXT COMMAND...: the command must fail and say TEXT.
refused() {
  local want=$1; shift
  ask "$@"
  [ $RC -ne 0 ] || die "was not refused: $*"
  grep -qF -- "$want" <<<"$OUT" || die "refused, but not with: $want"
}
outside() { WHERE=("$BIN" exec --internet --as "${1:-default}" --); }
inside() { WHERE=("$BIN" exec --subnet "$SUBNET_A" --security-group "${2:-$SG}" --as "${1:-alice}" --); }
wait_for() { # what, wanted, command...: polls until the command prints the wanted word
  local what=$1 want=$2 last="" i; shift 2
  for i in $(seq 1 150); do
    OUT=$("${WHERE[@]}" "$@" 2>&1)
    [ "$OUT" != "$last" ] && say "   $what: $OUT"; last=$OUT
    [ "$OUT" = "$want" ] && return 0
    case $OUT in Failed*|Stopped*) die "$what ended $OUT" ;; esac
    sleep 0.3
  done
  die "$what did not become $want"
}

bold "0. Start Cloister"
"$BIN" purge >/dev/null 2>&1
rm -rf "$DATA"; mkdir -p "$WORK"
say "\$ cloister --data $DATA serve --listen $LISTEN"
"$BIN" serve --listen "$LISTEN" >"$DATA/serve.out" 2>"$DATA/serve.log" &
SERVER=$!
for i in $(seq 1 100); do [ -s "$DATA/serve.out" ] && break; kill -0 $SERVER 2>/dev/null || die "the server did not start"; sleep 0.1; done
cat "$DATA/serve.out"
outside
must aws sts get-caller-identity

bold "1. A VPC with two private subnets, a group that lets in 443 from the VPC only, no way to the internet"
must aws ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId --output text; VPC=$OUT
must aws ec2 modify-vpc-attribute --vpc-id "$VPC" --enable-dns-hostnames
must aws ec2 create-subnet --vpc-id "$VPC" --cidr-block 10.0.1.0/24 --availability-zone ${REGION}a --query Subnet.SubnetId --output text; SUBNET_A=$OUT
must aws ec2 create-subnet --vpc-id "$VPC" --cidr-block 10.0.2.0/24 --availability-zone ${REGION}b --query Subnet.SubnetId --output text; SUBNET_B=$OUT
must aws ec2 create-security-group --vpc-id "$VPC" --group-name private --description "443 from the VPC" --query GroupId --output text; SG=$OUT
must aws ec2 authorize-security-group-ingress --group-id "$SG" --protocol tcp --port 443 --cidr 10.0.0.0/16 --query 'SecurityGroupRules[].[IpProtocol,FromPort,CidrIpv4]' --output text
must aws ec2 create-route-table --vpc-id "$VPC" --query RouteTable.RouteTableId --output text; RTB=$OUT
must aws ec2 associate-route-table --route-table-id "$RTB" --subnet-id "$SUBNET_A" --query AssociationState.State --output text
must aws ec2 associate-route-table --route-table-id "$RTB" --subnet-id "$SUBNET_B" --query AssociationState.State --output text
must aws ec2 describe-route-tables --route-table-ids "$RTB" --query 'RouteTables[].Routes[].[DestinationCidrBlock,GatewayId]' --output text
[ "$OUT" = "10.0.0.0/16	local" ] || die "the route table has other routes"
proven "the subnets have no route but the VPC's own"

bold "2. Endpoints: a gateway for S3, interfaces for sagemaker.api, sagemaker.runtime, sts and logs"
must aws ec2 create-vpc-endpoint --vpc-id "$VPC" --service-name com.amazonaws.$REGION.s3 --route-table-ids "$RTB" --query 'VpcEndpoint.[VpcEndpointId,State]' --output text; VPCE_S3=${OUT%%	*}
cat >"$WORK/runtime-policy.json" <<J
{"Statement":[{"Action":"sagemaker:InvokeEndpoint","Effect":"Allow","Resource":"arn:aws:sagemaker:$REGION:$ACCOUNT:endpoint/digits","Principal":"*"}]}
J
declare -A VPCE
for s in sagemaker.api sagemaker.runtime sts logs; do
  policy=(); [ $s = sagemaker.runtime ] && policy=(--policy-document "file://$WORK/runtime-policy.json")
  must aws ec2 create-vpc-endpoint --vpc-id "$VPC" --vpc-endpoint-type Interface --service-name com.amazonaws.$REGION.$s --subnet-ids "$SUBNET_A" "$SUBNET_B" \
    --security-group-ids "$SG" --private-dns-enabled "${policy[@]}" --query 'VpcEndpoint.[VpcEndpointId,State]' --output text
  VPCE[$s]=${OUT%%	*}
  [ "${OUT##*	}" = pending ] || die "a new interface endpoint is ${OUT##*	}, not pending"
done
for s in sagemaker.api sagemaker.runtime sts logs; do
  wait_for "endpoint for $s" available aws ec2 describe-vpc-endpoints --vpc-endpoint-ids "${VPCE[$s]}" --query 'VpcEndpoints[0].State' --output text
done
must aws ec2 describe-vpc-endpoints --vpc-endpoint-ids "${VPCE[sagemaker.runtime]}" --query 'VpcEndpoints[0].DnsEntries[].DnsName' --output text
RUNTIME_NAMES=$OUT
must aws ec2 describe-network-interfaces --filters "Name=group-id,Values=$SG" --query 'NetworkInterfaces[].[PrivateIpAddress,InterfaceType,Description]' --output text
proven "five endpoints went from pending to available, with their DNS entries"

bold "3. A bucket that only the gateway endpoint opens, an execution role, and a user who is bound to the VPC"
must aws s3api create-bucket --bucket digits-bucket --query Location --output text
cat >"$WORK/bucket-policy.json" <<J
{"Version":"2012-10-17","Statement":[{"Sid":"OnlyThroughTheGateway","Effect":"Deny","Principal":"*","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],
 "Resource":"arn:aws:s3:::digits-bucket/*","Condition":{"StringNotEquals":{"aws:SourceVpce":"$VPCE_S3"}}}]}
J
must aws s3api put-bucket-policy --bucket digits-bucket --policy "file://$WORK/bucket-policy.json"
cat >"$WORK/trust.json" <<J
{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]}
J
must aws iam create-role --role-name execution --assume-role-policy-document "file://$WORK/trust.json" --query Role.Arn --output text; ROLE=$OUT
cat >"$WORK/execution.json" <<J
{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:ListBucket"],"Resource":["arn:aws:s3:::digits-bucket","arn:aws:s3:::digits-bucket/*"]},
 {"Effect":"Allow","Action":["ec2:CreateNetworkInterface","ec2:CreateNetworkInterfacePermission","ec2:DeleteNetworkInterface","ec2:DeleteNetworkInterfacePermission",
  "ec2:DescribeNetworkInterfaces","ec2:DescribeVpcs","ec2:DescribeDhcpOptions","ec2:DescribeSubnets","ec2:DescribeSecurityGroups"],"Resource":"*"},
 {"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:DescribeLogStreams","logs:PutLogEvents"],"Resource":"*"}]}
J
must aws iam put-role-policy --role-name execution --policy-name execution --policy-document "file://$WORK/execution.json"
must aws iam create-user --user-name alice --query User.Arn --output text
cat >"$WORK/alice.json" <<J
{"Version":"2012-10-17","Statement":[
 {"Sid":"SageMakerFromTheVpc","Effect":"Allow","Action":"sagemaker:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"$VPC"}}},
 {"Sid":"PassExecution","Effect":"Allow","Action":"iam:PassRole","Resource":"$ROLE"},
 {"Sid":"Data","Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::digits-bucket","arn:aws:s3:::digits-bucket/*"]},
 {"Sid":"ReadLogs","Effect":"Allow","Action":"logs:*","Resource":"*"},
 {"Sid":"Why","Effect":"Allow","Action":"cloister:ExplainRequest","Resource":"*"}]}
J
must aws iam put-user-policy --user-name alice --policy-name private --policy-document "file://$WORK/alice.json"
printf '\n$ aws iam create-access-key --user-name alice | (kept as profile alice)\n'
KEY=$("${WHERE[@]}" aws iam create-access-key --user-name alice --query 'AccessKey.[AccessKeyId,SecretAccessKey]' --output text) || die "no access key"
printf '[alice]\naws_access_key_id = %s\naws_secret_access_key = %s\n' ${KEY} >>"$DATA/credentials"

bold "4. From inside a subnet, as alice: upload the digits and train"
bin/digits features >"$WORK/digits.csv" || die "no digits"
inside alice
must aws sts get-caller-identity --query Arn --output text
must aws s3 cp --no-progress "$WORK/digits.csv" s3://digits-bucket/train/digits.csv
train() { # name, image, isolation, extra...
  local name=$1 image=$2; shift 2
  must aws sagemaker create-training-job --training-job-name "$name" --role-arn "$ROLE" \
    --algorithm-specification "TrainingImage=$image,TrainingInputMode=File" \
    --input-data-config '[{"ChannelName":"train","ContentType":"text/csv;label_size=0","DataSource":{"S3DataSource":{"S3DataType":"S3Prefix","S3Uri":"s3://digits-bucket/train/","S3DataDistributionType":"FullyReplicated"}}}]' \
    --output-data-config S3OutputPath=s3://digits-bucket/models --resource-config InstanceType=ml.m5.large,InstanceCount=1,VolumeSizeInGB=1 \
    --stopping-condition MaxRuntimeInSeconds=600 --vpc-config "Subnets=$SUBNET_A,$SUBNET_B,SecurityGroupIds=$SG" --query TrainingJobArn --output text "$@"
}
train digits "$IMAGE" --enable-network-isolation --hyper-parameters k=10,feature_dim=64
wait_for "training job" Completed aws sagemaker describe-training-job --training-job-name digits --query TrainingJobStatus --output text
must aws sagemaker describe-training-job --training-job-name digits --query 'SecondaryStatusTransitions[].[Status,StatusMessage]' --output text
must aws sagemaker describe-training-job --training-job-name digits --query ModelArtifacts.S3ModelArtifacts --output text; MODEL=$OUT
proven "an isolated container trained on data that came and went through the gateway endpoint"
must aws logs describe-log-streams --log-group-name /aws/sagemaker/TrainingJobs --log-stream-name-prefix digits/ --query 'logStreams[0].logStreamName' --output text; STREAM=$OUT
LINES_SHOWN=12 must aws logs get-log-events --log-group-name /aws/sagemaker/TrainingJobs --log-stream-name "$STREAM" --start-from-head --query 'events[].message' --output text
grep -q 'msd' <<<"$OUT" || die "the log has no metric"
proven "its log was read through the logs endpoint"

bold "5. Deploy it"
must aws sagemaker create-model --model-name digits --execution-role-arn "$ROLE" --enable-network-isolation --vpc-config "Subnets=$SUBNET_A,$SUBNET_B,SecurityGroupIds=$SG" \
  --primary-container "Image=$IMAGE,ModelDataUrl=$MODEL" --query ModelArn --output text
must aws sagemaker create-endpoint-config --endpoint-config-name digits --production-variants VariantName=AllTraffic,ModelName=digits,InitialInstanceCount=1,InstanceType=ml.m5.large --query EndpointConfigArn --output text
must aws sagemaker create-endpoint --endpoint-name digits --endpoint-config-name digits --query EndpointArn --output text
must aws sagemaker create-endpoint --endpoint-name other --endpoint-config-name digits --query EndpointArn --output text
wait_for "endpoint" InService aws sagemaker describe-endpoint --endpoint-name digits --query EndpointStatus --output text
wait_for "second endpoint" InService aws sagemaker describe-endpoint --endpoint-name other --query EndpointStatus --output text

bold "6. Invoke it from inside, and check the model against the labels"
body() { case $("${AWS_BIN:-aws}" --version 2>&1) in aws-cli/1*) echo "file://$1" ;; *) echo "fileb://$1" ;; esac; }
head -n 1 "$WORK/digits.csv" >"$WORK/one.csv"
must aws sagemaker-runtime invoke-endpoint --endpoint-name digits --content-type text/csv --body "fileb://$WORK/one.csv" "$WORK/one.json"
cat "$WORK/one.json"; echo
grep -q closest_cluster "$WORK/one.json" && grep -q distance_to_cluster "$WORK/one.json" || die "no closest_cluster and distance_to_cluster"
must aws sagemaker-runtime invoke-endpoint --endpoint-name digits --content-type text/csv --body "fileb://$WORK/digits.csv" "$WORK/all.json"
bin/digits purity "$WORK/all.json" || die "the clusters do not fit the labels: this is no real model"
proven "1,797 digits invoked through the runtime endpoint fall into clusters that fit their labels"

bold "7. Five refusals"
ID() { grep -oE 'RequestId: ?[0-9a-f-]{36}|"?[Rr]equest-?[Ii]d"?[:=] ?"?[0-9a-f-]{36}' <<<"$OUT" | grep -oE '[0-9a-f-]{36}' | head -1; }
RUNTIME=arn:aws:sagemaker:$REGION:$ACCOUNT:endpoint
USER=arn:aws:iam::$ACCOUNT:user/alice
say; say "a) the same call from the internet: the condition key is missing there"
outside alice
refused "User: $USER is not authorized to perform: sagemaker:InvokeEndpoint on resource: $RUNTIME/digits because no identity-based policy allows the sagemaker:InvokeEndpoint action" \
  aws sagemaker-runtime invoke-endpoint --endpoint-name digits --content-type text/csv --body "fileb://$WORK/one.csv" "$WORK/x.json"
proven "refused from outside the VPC: aws:SourceVpc in alice's policy"
say; say "b) another endpoint name through the same VPC endpoint"
inside alice
refused "User: $USER is not authorized to perform: sagemaker:InvokeEndpoint on resource: $RUNTIME/other because no VPC endpoint policy allows the sagemaker:InvokeEndpoint action" \
  aws sagemaker-runtime invoke-endpoint --endpoint-name other --content-type text/csv --body "fileb://$WORK/one.csv" "$WORK/x.json"
proven "refused by the VPC endpoint's policy"
say; say "c) from a subnet that the security group of an endpoint does not admit: no packet arrives"
outside
must aws ec2 create-security-group --vpc-id "$VPC" --group-name only-a --description "443 from subnet a" --query GroupId --output text; ONLY_A=$OUT
must aws ec2 authorize-security-group-ingress --group-id "$ONLY_A" --protocol tcp --port 443 --cidr 10.0.1.0/24 --query 'SecurityGroupRules[].[IpProtocol,FromPort,CidrIpv4]' --output text
must aws ec2 create-vpc-endpoint --vpc-id "$VPC" --vpc-endpoint-type Interface --service-name com.amazonaws.$REGION.ec2 --subnet-ids "$SUBNET_A" \
  --security-group-ids "$ONLY_A" --private-dns-enabled --query VpcEndpoint.VpcEndpointId --output text; VPCE[ec2]=$OUT
wait_for "endpoint for ec2" available aws ec2 describe-vpc-endpoints --vpc-endpoint-ids "${VPCE[ec2]}" --query 'VpcEndpoints[0].State' --output text
inside default
must aws ec2 describe-vpcs --query 'Vpcs[].VpcId' --output text
WHERE=("$BIN" exec --subnet "$SUBNET_B" --security-group "$SG" --as default --)
refused "Connect timeout on endpoint URL: \"https://ec2.$REGION.amazonaws.com/\"" \
  aws ec2 describe-vpcs --cli-connect-timeout 2
proven "timed out at the security group, from subnet b; the same call from subnet a was answered"
say; say "d) S3 from outside the gateway endpoint, even for the account's root"
outside
refused 'with an explicit deny in a resource-based policy' aws s3api get-object --bucket digits-bucket --key train/digits.csv "$WORK/x.csv"
proven "refused by the bucket's policy: aws:SourceVpce"
say; say "e) any network call from inside an isolated container (the probe image tries six, and the same image without isolation reaches sts)"
inside alice
train probe-isolated "$PROBE" --enable-network-isolation
train probe-open "$PROBE" --no-enable-network-isolation
for job in probe-isolated probe-open; do
  wait_for "$job" Completed aws sagemaker describe-training-job --training-job-name $job --query TrainingJobStatus --output text
  must aws logs filter-log-events --log-group-name /aws/sagemaker/TrainingJobs --log-stream-name-prefix $job/ --query 'events[].message' --output text
  if [ $job = probe-isolated ]; then
    grep -q 'reached' <<<"$OUT" && die "the isolated container reached something"
    grep -q 'network is unreachable' <<<"$OUT" || die "no reason in the probe's log"
  else
    grep -q 'reached 10\.0\.[12]\.[0-9]*:443' <<<"$OUT" || die "the probe reaches nothing without isolation either, so it proves nothing"
  fi
done
proven "an isolated container has no network at all; the same image without isolation reaches the endpoints"

bold "8. Why?"
why() { # the request id of the last refused call, from the client's debug output
  local id
  id=$("${WHERE[@]}" "$@" --debug 2>&1 | tr -d '\r' | grep -oiE "x-amzn?-request-?id'?: '?[0-9a-f-]{36}" | grep -oE '[0-9a-f-]{36}' | tail -1)
  [ -n "$id" ] || die "no request id in the answer"
  printf '\n$ cloister why %s\n' "$id"
  OUT=$("$BIN" why "$id" 2>&1) || die "$OUT"
  printf '%s\n' "$OUT"
}
outside alice
why aws sagemaker-runtime invoke-endpoint --endpoint-name digits --content-type text/csv --body "fileb://$WORK/one.csv" "$WORK/x.json"
grep -q 'from the internet' <<<"$OUT" && grep -q 'SageMakerFromTheVpc' <<<"$OUT" && grep -qi 'aws:SourceVpc' <<<"$OUT" || die "why does not name the path, the statement and the condition"
proven "why names the internet path, alice's statement and its aws:SourceVpc"
inside alice
why aws sagemaker-runtime invoke-endpoint --endpoint-name other --content-type text/csv --body "fileb://$WORK/one.csv" "$WORK/x.json"
grep -q "${VPCE[sagemaker.runtime]}" <<<"$OUT" && grep -q 'VPC endpoint policy' <<<"$OUT" || die "why does not name the endpoint and its policy"
proven "why names the endpoint, its interface and its policy"

bold "9. Stop, and leave nothing behind"
stop
RUN=$(sed -n 's/.*"run": "\(.*\)".*/\1/p' "$DATA/instance.json")
[ ! -e "$RUN" ] || die "$RUN is left"
grep -q "$RUN" /proc/self/mounts && die "mounts are left"
[ -z "$(find /sys/fs/cgroup -maxdepth 2 -name "cloister-$(basename "$RUN")" 2>/dev/null)" ] || die "cgroups are left"
proven "cloister purge left no namespace, mount or cgroup"
trap - EXIT

bold "Proven"
for i in "${!PROVEN[@]}"; do printf '  %2d. %s\n' $((i + 1)) "${PROVEN[$i]}"; done
printf '\nEvery step held.\n'
