"""Changes a Cloister's networks by chance, through its API, until it is told to stop and has gone as far as it shall.

The server may be killed at any moment: what a call came to is then unknown, and the next step asks.
"""
import json, os, random, sys, time
import boto3, botocore.config, botocore.exceptions as wrong

order = json.loads(sys.argv[1])
rng = random.Random(order["seed"])
ec2 = boto3.client("ec2", config=botocore.config.Config(retries={"max_attempts": 1}, connect_timeout=2, read_timeout=20))
KEEP = order["vpc"]  # where others are at work: nothing of theirs is touched
done, refused = 0, 0


def mine(kind, **filters):
    """All of a kind but what belongs to the VPC that is kept."""
    call, key = {
        "vpc": (ec2.describe_vpcs, "Vpcs"), "subnet": (ec2.describe_subnets, "Subnets"), "group": (ec2.describe_security_groups, "SecurityGroups"),
        "table": (ec2.describe_route_tables, "RouteTables"), "igw": (ec2.describe_internet_gateways, "InternetGateways"), "eip": (ec2.describe_addresses, "Addresses"),
        "eni": (ec2.describe_network_interfaces, "NetworkInterfaces"), "nat": (ec2.describe_nat_gateways, "NatGateways"), "acl": (ec2.describe_network_acls, "NetworkAcls"),
        "pcx": (ec2.describe_vpc_peering_connections, "VpcPeeringConnections"), "vpce": (ec2.describe_vpc_endpoints, "VpcEndpoints")}[kind]
    return [x for x in call()[key] if x.get("VpcId") != KEEP]


def one(kind):
    all = mine(kind)
    if not all:
        raise LookupError(kind)
    return rng.choice(all)


def permission():
    p = rng.choice([22, 80, 443, 8080])
    return {"IpProtocol": rng.choice(["tcp", "udp"]), "FromPort": p, "ToPort": p + rng.randrange(3), "IpRanges": [{"CidrIp": rng.choice(["10.0.0.0/8", "0.0.0.0/0", "10.1.1.0/24"])}]}


def create_vpc():
    if len(mine("vpc")) < 4:
        ec2.create_vpc(CidrBlock=f"10.{rng.randrange(1, 4)}.0.0/16")


def create_subnet():
    v = one("vpc")
    second = v["CidrBlock"].split(".")[1]
    ec2.create_subnet(VpcId=v["VpcId"], CidrBlock=f"10.{second}.{rng.randrange(4)}.0/24")


def create_group():
    v = one("vpc")
    if len(mine("group")) < 12:
        ec2.create_security_group(VpcId=v["VpcId"], GroupName=f"g{rng.randrange(1 << 30)}", Description="walk")


def change_rules():
    g = one("group")
    if rng.random() < 0.5:
        ec2.authorize_security_group_ingress(GroupId=g["GroupId"], IpPermissions=[permission()])
    elif g["IpPermissions"]:
        ec2.revoke_security_group_ingress(GroupId=g["GroupId"], IpPermissions=[rng.choice(g["IpPermissions"])])


def groups_of_peers():
    a, b = one("group"), one("group")
    ec2.authorize_security_group_ingress(GroupId=a["GroupId"], IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": b["GroupId"]}]}])


def create_eni():
    if len(mine("eni")) < 12:
        ec2.create_network_interface(SubnetId=one("subnet")["SubnetId"])


def delete_eni():
    ec2.delete_network_interface(NetworkInterfaceId=one("eni")["NetworkInterfaceId"])


def turn_check():
    ec2.modify_network_interface_attribute(NetworkInterfaceId=one("eni")["NetworkInterfaceId"], SourceDestCheck={"Value": rng.random() < 0.5})


def gateway():
    free = [g for g in mine("igw") if not g["Attachments"]]
    r = rng.random()
    if r < 0.4:
        g = free[0]["InternetGatewayId"] if free else ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=g, VpcId=one("vpc")["VpcId"])
    elif r < 0.6:
        g = rng.choice([g for g in mine("igw") if g["Attachments"] and g["Attachments"][0]["VpcId"] != KEEP])
        ec2.detach_internet_gateway(InternetGatewayId=g["InternetGatewayId"], VpcId=g["Attachments"][0]["VpcId"])
    elif free:
        ec2.delete_internet_gateway(InternetGatewayId=free[0]["InternetGatewayId"])


def address():
    all = mine("eip")
    if len(all) < 4 and rng.random() < 0.5:
        ec2.allocate_address(Domain="vpc")
    elif all and rng.random() < 0.6:
        ec2.associate_address(AllocationId=rng.choice(all)["AllocationId"], NetworkInterfaceId=one("eni")["NetworkInterfaceId"], AllowReassociation=True)
    elif all:
        a = rng.choice(all)
        if a.get("AssociationId"):
            ec2.disassociate_address(AssociationId=a["AssociationId"])
        else:
            ec2.release_address(AllocationId=a["AllocationId"])


def translate():
    if rng.random() < 0.6:
        free = [a for a in mine("eip") if not a.get("AssociationId")]
        ec2.create_nat_gateway(SubnetId=one("subnet")["SubnetId"], AllocationId=rng.choice(free)["AllocationId"])
    else:
        ec2.delete_nat_gateway(NatGatewayId=one("nat")["NatGatewayId"])


def table():
    v = one("vpc")
    if rng.random() < 0.4 and len(mine("table")) < 8:
        ec2.create_route_table(VpcId=v["VpcId"])
    else:
        t = one("table")
        near = [s for s in mine("subnet") if s["VpcId"] == t["VpcId"]]
        ec2.associate_route_table(RouteTableId=t["RouteTableId"], SubnetId=rng.choice(near)["SubnetId"])


def route():
    t = one("table")
    to = rng.choice(["0.0.0.0/0", "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "198.51.100.0/24"])
    r = rng.random()
    if r < 0.3:
        ec2.delete_route(RouteTableId=t["RouteTableId"], DestinationCidrBlock=to)
        return
    kind = rng.choice(["igw", "nat", "pcx", "eni"])
    target = {"igw": ("GatewayId", "InternetGatewayId"), "nat": ("NatGatewayId", "NatGatewayId"), "pcx": ("VpcPeeringConnectionId", "VpcPeeringConnectionId"),
              "eni": ("NetworkInterfaceId", "NetworkInterfaceId")}[kind]
    change = ec2.create_route if r < 0.7 else ec2.replace_route
    change(RouteTableId=t["RouteTableId"], DestinationCidrBlock=to, **{target[0]: one(kind)[target[1]]})


def acl():
    r = rng.random()
    if r < 0.2:
        ec2.create_network_acl(VpcId=one("vpc")["VpcId"])
    elif r < 0.5:
        a = one("acl")
        near = [x for x in mine("acl") if x["VpcId"] == a["VpcId"]]
        held = [s for x in near for s in x["Associations"]]
        ec2.replace_network_acl_association(AssociationId=rng.choice(held)["NetworkAclAssociationId"], NetworkAclId=a["NetworkAclId"])
    elif r < 0.8:
        ec2.create_network_acl_entry(NetworkAclId=one("acl")["NetworkAclId"], RuleNumber=rng.randrange(1, 300), Protocol=rng.choice(["-1", "6"]), RuleAction=rng.choice(["allow", "deny"]),
                                     Egress=rng.random() < 0.5, CidrBlock=rng.choice(["0.0.0.0/0", "10.1.0.0/16"]), PortRange={"From": 0, "To": 65535})
    else:
        a = one("acl")
        e = rng.choice([e for e in a["Entries"] if e["RuleNumber"] < 32767])
        ec2.delete_network_acl_entry(NetworkAclId=a["NetworkAclId"], RuleNumber=e["RuleNumber"], Egress=e["Egress"])


def peer():
    r = rng.random()
    if r < 0.4:
        ec2.create_vpc_peering_connection(VpcId=one("vpc")["VpcId"], PeerVpcId=one("vpc")["VpcId"])
    elif r < 0.8:
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=one("pcx")["VpcPeeringConnectionId"])
    else:
        ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=one("pcx")["VpcPeeringConnectionId"])


def endpoint():
    if rng.random() < 0.6:
        s = one("subnet")
        ec2.create_vpc_endpoint(VpcId=s["VpcId"], VpcEndpointType="Interface", ServiceName="com.amazonaws.us-east-1." + rng.choice(["sts", "logs", "kms"]), SubnetIds=[s["SubnetId"]], PrivateDnsEnabled=False)
    else:
        ec2.delete_vpc_endpoints(VpcEndpointIds=[one("vpce")["VpcEndpointId"]])


def beside():
    """A change in the VPC that is kept, next to those at work there."""
    e = ec2.create_network_interface(SubnetId=order["subnet"], Description="walk")["NetworkInterface"]["NetworkInterfaceId"]
    ec2.delete_network_interface(NetworkInterfaceId=e)


def delete():
    kind = rng.choice(["subnet", "group", "vpc", "table"])
    x = one(kind)
    {"subnet": lambda: ec2.delete_subnet(SubnetId=x["SubnetId"]), "group": lambda: ec2.delete_security_group(GroupId=x["GroupId"]),
     "vpc": lambda: ec2.delete_vpc(VpcId=x["VpcId"]), "table": lambda: ec2.delete_route_table(RouteTableId=x["RouteTableId"])}[kind]()


steps = [create_vpc, create_subnet, create_group, change_rules, change_rules, groups_of_peers, create_eni, create_eni, delete_eni, turn_check, gateway, address, translate, table, route, route,
         acl, acl, peer, peer, endpoint, beside, delete]
end = time.monotonic() + 300  # however slow this machine is
while time.monotonic() < end and (done < order["least"] or not os.path.exists(order["stop"])):
    step = rng.choice(steps)
    try:
        step()
        done += 1
    except (LookupError, IndexError):
        pass  # there is none yet
    except wrong.ClientError as e:
        code = e.response["Error"]["Code"]
        if e.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 or code == "InternalError":
            sys.exit(f"{step.__name__}: {e}")
        refused += 1
    except (wrong.EndpointConnectionError, wrong.ConnectionError, wrong.HTTPClientError):
        time.sleep(0.1)  # the server is away
print(json.dumps({"done": done, "refused": refused}))
