package policy

// Key is the number of a condition key that the engine knows. Policies are compiled to numbers and a
// Context keeps its values by number, so that a decision compares no key names.
type Key uint8

// Type is what the values of a condition key are.
type Type uint8

const (
	String Type = iota
	ARN
	Bool
	Date
	IPAddress
	Numeric
)

// keyRow is one condition key as AWS's reference lists it.
type keyRow struct {
	name string
	typ  Type
	many bool
}

// maxKeys bounds the numbers: a Context has a byte for each.
const maxKeys = 192

var (
	keyRows  = make([]keyRow, 1, maxKeys) // number 0 is no key
	keyTable [2 * maxKeys]Key             // by foldHash of the name, open addressing
)

func key(name string, typ Type) Key { return addKey(keyRow{name, typ, false}) }

func keyMany(name string, typ Type) Key { return addKey(keyRow{name, typ, true}) }

func addKey(row keyRow) Key {
	k := Key(len(keyRows))
	keyRows = append(keyRows[:k:maxKeys], row) // one row too many stops the program at its start
	i := foldHash(row.name) % uint64(len(keyTable))
	for keyTable[i] != 0 {
		i = (i + 1) % uint64(len(keyTable))
	}
	keyTable[i] = k
	return k
}

// KeyNamed finds a key by its name in any case; 0 when the engine has no number for it, as for the
// keys of tags, whose names are open.
func KeyNamed(name string) Key { return keyHashed(name, foldHash(name)) }

func keyHashed(name string, hash uint64) Key {
	for i := hash % uint64(len(keyTable)); keyTable[i] != 0; i = (i + 1) % uint64(len(keyTable)) {
		if foldEqual(keyRows[keyTable[i]].name, name) {
			return keyTable[i]
		}
	}
	return 0
}

// Name is the key's name as AWS writes it.
func (k Key) Name() string { return keyRows[k].name }

// Type is what the key's values are.
func (k Key) Type() Type { return keyRows[k].typ }

// Many tells whether a request may carry several values of the key.
func (k Key) Many() bool { return keyRows[k].many }

// keyName is a condition key as a document or a context names it.
type keyName struct {
	number Key
	hash   uint64 // of the name, for a key without a number
	text   string
}

func nameKey(text string) keyName {
	h := foldHash(text)
	return keyName{keyHashed(text, h), h, text}
}

// Global condition keys. A new key is one row.
var (
	SourceIP                     = key("aws:SourceIp", IPAddress)
	SourceVpc                    = key("aws:SourceVpc", String)
	SourceVpcArn                 = key("aws:SourceVpcArn", ARN)
	SourceVpce                   = key("aws:SourceVpce", String)
	VpcSourceIP                  = key("aws:VpcSourceIp", IPAddress)
	VpceAccount                  = key("aws:VpceAccount", String)
	VpceOrgID                    = key("aws:VpceOrgID", String)
	VpceOrgPaths                 = keyMany("aws:VpceOrgPaths", String)
	PrincipalArn                 = key("aws:PrincipalArn", ARN)
	PrincipalAccount             = key("aws:PrincipalAccount", String)
	PrincipalOrgID               = key("aws:PrincipalOrgID", String)
	PrincipalOrgPaths            = keyMany("aws:PrincipalOrgPaths", String)
	PrincipalIsAWSService        = key("aws:PrincipalIsAWSService", Bool)
	PrincipalServiceName         = key("aws:PrincipalServiceName", String)
	PrincipalServiceNamesList    = keyMany("aws:PrincipalServiceNamesList", String)
	PrincipalType                = key("aws:PrincipalType", String)
	UserID                       = key("aws:userid", String)
	Username                     = key("aws:username", String)
	AssumedRoot                  = key("aws:AssumedRoot", Bool)
	FederatedProvider            = key("aws:FederatedProvider", String)
	TokenIssueTime               = key("aws:TokenIssueTime", Date)
	MultiFactorAuthAge           = key("aws:MultiFactorAuthAge", Numeric)
	MultiFactorAuthPresent       = key("aws:MultiFactorAuthPresent", Bool)
	ChatbotSourceArn             = key("aws:ChatbotSourceArn", ARN)
	Ec2InstanceSourceVpc         = key("aws:Ec2InstanceSourceVpc", String)
	Ec2InstanceSourcePrivateIPv4 = key("aws:Ec2InstanceSourcePrivateIPv4", IPAddress)
	SourceIdentity               = key("aws:SourceIdentity", String)
	ResourceAccount              = key("aws:ResourceAccount", String)
	ResourceOrgID                = key("aws:ResourceOrgID", String)
	ResourceOrgPaths             = keyMany("aws:ResourceOrgPaths", String)
	CalledVia                    = keyMany("aws:CalledVia", String)
	CalledViaFirst               = key("aws:CalledViaFirst", String)
	CalledViaLast                = key("aws:CalledViaLast", String)
	CalledViaAWSMCP              = key("aws:CalledViaAWSMCP", String)
	ViaAWSService                = key("aws:ViaAWSService", Bool)
	ViaAWSMCPService             = key("aws:ViaAWSMCPService", Bool)
	CurrentTime                  = key("aws:CurrentTime", Date)
	EpochTime                    = key("aws:EpochTime", Date)
	Referer                      = key("aws:referer", String)
	RequestedRegion              = key("aws:RequestedRegion", String)
	TagKeys                      = keyMany("aws:TagKeys", String)
	SecureTransport              = key("aws:SecureTransport", Bool)
	SourceArn                    = key("aws:SourceArn", ARN)
	SourceAccount                = key("aws:SourceAccount", String)
	SourceOwner                  = key("aws:SourceOwner", String)
	SourceOrgID                  = key("aws:SourceOrgID", String)
	SourceOrgPaths               = keyMany("aws:SourceOrgPaths", String)
	UserAgent                    = key("aws:UserAgent", String)
	IsMcpServiceAction           = key("aws:IsMcpServiceAction", Bool)
)

// Keys of single services.
var (
	Ec2RoleDelivery                = key("ec2:RoleDelivery", Numeric)
	Ec2SourceInstanceArn           = key("ec2:SourceInstanceArn", ARN)
	GlueRoleAssumedBy              = key("glue:RoleAssumedBy", String)
	GlueCredentialIssuingService   = key("glue:CredentialIssuingService", String)
	LambdaSourceFunctionArn        = key("lambda:SourceFunctionArn", ARN)
	SsmSourceInstanceArn           = key("ssm:SourceInstanceArn", ARN)
	IdentityStoreUserID            = key("identitystore:UserId", String)
	PassedToService                = key("iam:PassedToService", String)
	AssociatedResourceArn          = key("iam:AssociatedResourceArn", ARN)
	AWSServiceName                 = key("iam:AWSServiceName", String)
	IAMPermissionsBoundary         = key("iam:PermissionsBoundary", ARN)
	IAMPolicyARN                   = key("iam:PolicyARN", ARN)
	ExternalID                     = key("sts:ExternalId", String)
	RoleSessionName                = key("sts:RoleSessionName", String)
	StsSourceIdentity              = key("sts:SourceIdentity", String)
	TransitiveTagKeys              = keyMany("sts:TransitiveTagKeys", String)
	StsDurationSeconds             = key("sts:DurationSeconds", Numeric)
	S3Prefix                       = key("s3:prefix", String)
	S3Delimiter                    = key("s3:delimiter", String)
	S3MaxKeys                      = key("s3:max-keys", Numeric)
	S3ObjectACL                    = key("s3:x-amz-acl", String)
	S3ServerSideEncryption         = key("s3:x-amz-server-side-encryption", String)
	S3ServerSideEncryptionKeyID    = key("s3:x-amz-server-side-encryption-aws-kms-key-id", ARN)
	S3VersionID                    = key("s3:VersionId", String)
	S3SignatureVersion             = key("s3:signatureversion", String)
	S3SignatureAge                 = key("s3:signatureAge", Numeric)
	S3AuthType                     = key("s3:authType", String)
	S3TLSVersion                   = key("s3:TlsVersion", Numeric)
	S3ResourceAccount              = key("s3:ResourceAccount", String)
	S3ContentSHA256                = key("s3:x-amz-content-sha256", String)
	S3StorageClass                 = key("s3:x-amz-storage-class", String)
	S3CopySource                   = key("s3:x-amz-copy-source", String)
	VpceServiceName                = key("ec2:VpceServiceName", String)
	VpceServiceOwner               = key("ec2:VpceServiceOwner", String)
	VpceServicePrivateDNSName      = key("ec2:VpceServicePrivateDnsName", String)
	VpceServiceRegion              = key("ec2:VpceServiceRegion", String)
	VpceSupportedRegion            = key("ec2:VpceSupportedRegion", String)
	VpceMultiRegion                = key("ec2:VpceMultiRegion", Bool)
	VpcePrivateDNSPreference       = key("ec2:VpcePrivateDnsPreference", String)
	VpcePrivateDNSSpecifiedDomains = keyMany("ec2:VpcePrivateDnsSpecifiedDomains", String)
	KMSViaService                  = key("kms:ViaService", String)
)

// Keys of SageMaker.
var (
	SageMakerVpcSubnets                            = keyMany("sagemaker:VpcSubnets", String)
	SageMakerVpcSecurityGroupIDs                   = keyMany("sagemaker:VpcSecurityGroupIds", String)
	SageMakerNetworkIsolation                      = key("sagemaker:NetworkIsolation", Bool)
	SageMakerInterContainerTrafficEncryption       = key("sagemaker:InterContainerTrafficEncryption", Bool)
	SageMakerInstanceTypes                         = keyMany("sagemaker:InstanceTypes", String)
	SageMakerMaxRuntimeInSeconds                   = key("sagemaker:MaxRuntimeInSeconds", Numeric)
	SageMakerKeepAlivePeriod                       = key("sagemaker:KeepAlivePeriod", Numeric)
	SageMakerVolumeKMSKey                          = key("sagemaker:VolumeKmsKey", ARN)
	SageMakerOutputKMSKey                          = key("sagemaker:OutputKmsKey", ARN)
	SageMakerDirectInternetAccess                  = key("sagemaker:DirectInternetAccess", String)
	SageMakerRootAccess                            = key("sagemaker:RootAccess", String)
	SageMakerMinimumInstanceMetadataServiceVersion = key("sagemaker:MinimumInstanceMetadataServiceVersion", String)
	SageMakerNotebookInstanceLifecycleConfigArns   = keyMany("sagemaker:NotebookInstanceLifecycleConfigArns", ARN)
	SageMakerAppNetworkAccessType                  = key("sagemaker:AppNetworkAccessType", String)
	SageMakerDomainSharingOutputKMSKey             = key("sagemaker:DomainSharingOutputKmsKey", ARN)
	SageMakerImageArns                             = keyMany("sagemaker:ImageArns", ARN)
	SageMakerImageVersionArns                      = keyMany("sagemaker:ImageVersionArns", ARN)
	SageMakerStudioLifecycleConfigArns             = keyMany("sagemaker:StudioLifecycleConfigArns", ARN)
	SageMakerOwnerUserProfileArn                   = key("sagemaker:OwnerUserProfileArn", ARN)
	SageMakerSpaceSharingType                      = key("sagemaker:SpaceSharingType", String)
	SageMakerRemoteAccess                          = key("sagemaker:RemoteAccess", String)
	SageMakerAcceleratorTypes                      = keyMany("sagemaker:AcceleratorTypes", String)
	SageMakerModelArn                              = key("sagemaker:ModelArn", ARN)
	SageMakerServerlessMaxConcurrency              = key("sagemaker:ServerlessMaxConcurrency", Numeric)
	SageMakerServerlessMemorySize                  = key("sagemaker:ServerlessMemorySize", Numeric)
	SageMakerTargetModel                           = key("sagemaker:TargetModel", String)
	SageMakerDirectGatedModelAccess                = key("sagemaker:DirectGatedModelAccess", String)
	SageMakerEnableRemoteDebug                     = key("sagemaker:EnableRemoteDebug", Bool)
	SageMakerFileSystemAccessMode                  = key("sagemaker:FileSystemAccessMode", String)
	SageMakerFileSystemDirectoryPath               = key("sagemaker:FileSystemDirectoryPath", String)
	SageMakerFileSystemID                          = key("sagemaker:FileSystemId", String)
	SageMakerFileSystemType                        = key("sagemaker:FileSystemType", String)
	SageMakerFeatureGroupDisableGlueTableCreation  = key("sagemaker:FeatureGroupDisableGlueTableCreation", Bool)
	SageMakerFeatureGroupEnableOnlineStore         = key("sagemaker:FeatureGroupEnableOnlineStore", Bool)
	SageMakerFeatureGroupOfflineStoreConfig        = key("sagemaker:FeatureGroupOfflineStoreConfig", Bool)
	SageMakerFeatureGroupOfflineStoreKMSKey        = key("sagemaker:FeatureGroupOfflineStoreKmsKey", ARN)
	SageMakerFeatureGroupOnlineStoreKMSKey         = key("sagemaker:FeatureGroupOnlineStoreKmsKey", ARN)
	SageMakerFeatureGroupOfflineStoreS3Uri         = key("sagemaker:FeatureGroupOfflineStoreS3Uri", String)
	SageMakerCustomerMetadataPropertiesToRemove    = keyMany("sagemaker:CustomerMetadataPropertiesToRemove", String)
	SageMakerModelApprovalStatus                   = key("sagemaker:ModelApprovalStatus", String)
	SageMakerCurrentModelLifeCycleStage            = key("sagemaker:CurrentModelLifeCycleStage", String)
	SageMakerCurrentModelLifeCycleStageStatus      = key("sagemaker:CurrentModelLifeCycleStageStatus", String)
	SageMakerModelLifeCycleStage                   = key("sagemaker:ModelLifeCycle:Stage", String)
	SageMakerModelLifeCycleStageStatus             = key("sagemaker:ModelLifeCycle:StageStatus", String)
	SageMakerPipelineVersionID                     = key("sagemaker:PipelineVersionId", String)
	SageMakerTaggingAction                         = key("sagemaker:TaggingAction", String)
	SageMakerWorkteamArn                           = key("sagemaker:WorkteamArn", ARN)
	SageMakerWorkteamType                          = key("sagemaker:WorkteamType", String)
	SageMakerDomainID                              = key("sagemaker:DomainId", String)
	SageMakerUserProfileName                       = key("sagemaker:UserProfileName", String)
	SageMakerHomeEfsFileSystemKMSKey               = key("sagemaker:HomeEfsFileSystemKmsKey", ARN)
)
