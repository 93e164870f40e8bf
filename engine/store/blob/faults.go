package blob

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"dmgateway/engine/fault"
)

// explain makes a fault of an error of the service or the network; faults and cancellations stay as they are. The
// service's own text and addresses are left out: they can carry signatures.
func (a *account) explain(what, p string, err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if p == "" {
		p = a.endpoint
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotFound, "%s", what).At(p).Because(fs.ErrNotExist)
	}
	if r, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return a.answered(what, p, r)
	}
	if _, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		return fault.New(fault.SignInFailed, "%s", what).At(p).Because(errors.New("the identity was refused")).
			Try("Check tenant, servicePrincipalId and servicePrincipalKey or certificate.")
	}
	if _, ok := errors.AsType[interface {
		NonRetriable()
		error
	}](err); ok && a.managed {
		return fault.New(fault.SignInFailed, "%s", what).At(p).Because(errors.New("this computer and account have no identity at Entra")).
			Try("Use a service principal, key or SAS; or sign in with the Azure CLI under the account that the gateway runs under.")
	}
	return a.unreachable(what, p, err)
}

// remedy says what an answer means.
type remedy struct {
	code, hint string
	transient  bool
}

var signIn = remedy{fault.SignInFailed, "Check account name and key, or that the signature is for this account, has not expired and may do this; that the account's firewall lets this computer in; and this computer's clock.", false}

// badName is for containers: the service checks the rest of a path when it writes.
var badName = remedy{fault.BadInput, "A container's name has 3 to 63 lower-case letters, digits and single hyphens, and begins and ends with a letter or digit.", false}

var remedies = map[bloberror.Code]remedy{
	bloberror.AuthenticationFailed:              signIn,
	bloberror.AuthorizationFailure:              signIn,
	bloberror.InvalidAuthenticationInfo:         signIn,
	bloberror.NoAuthenticationInformation:       signIn,
	"PublicAccessNotPermitted":                  signIn,
	bloberror.AccountIsDisabled:                 {fault.Forbidden, "The storage account is disabled.", false},
	bloberror.InsufficientAccountPermissions:    {fault.Forbidden, "Give the identity the role Storage Blob Data Contributor (Reader for a source).", false},
	bloberror.AuthorizationPermissionMismatch:   {fault.Forbidden, "Give the signature or identity the permission for this: read and list for a source, write and create for a sink.", false},
	bloberror.AuthorizationProtocolMismatch:     {fault.Forbidden, "The signature is for HTTPS only.", false},
	bloberror.AuthorizationSourceIPMismatch:     {fault.Forbidden, "Let the storage account's firewall or the signature accept this computer's address.", false},
	bloberror.AuthorizationResourceTypeMismatch: {fault.Forbidden, "The signature is not for containers and blobs.", false},
	bloberror.AuthorizationServiceMismatch:      {fault.Forbidden, "The signature is not for the blob service.", false},
	bloberror.ContainerNotFound:                 {fault.NotFound, "The container does not exist; check the dataset's container and the linked service's account.", false},
	bloberror.BlobNotFound:                      {fault.NotFound, "The blob does not exist; check the dataset's folder and file name.", false},
	bloberror.ResourceNotFound:                  {fault.NotFound, "Check the dataset's container, folder and file name.", false},
	bloberror.ConditionNotMet:                   {fault.Conflict, "The blob was changed since it was found; copy again when nothing writes to it.", false},
	bloberror.InvalidBlockList:                  {fault.Conflict, "Something else wrote the same blob at the same time; copy again.", true},
	bloberror.InvalidBlobType:                   {fault.Conflict, "A page or append blob has that name; delete it or choose another.", false},
	bloberror.BlobArchived:                      {fault.Conflict, "The blob is in the archive tier; rehydrate it first.", false},
	bloberror.BlobBeingRehydrated:               {fault.Conflict, "The blob is being brought back from the archive tier; copy again later.", false},
	bloberror.BlobImmutableDueToPolicy:          {fault.Forbidden, "A retention policy protects the blob; choose another name.", false},
	bloberror.LeaseIDMissing:                    {fault.Conflict, "Somebody holds a lease on the blob or container; release it.", false},
	bloberror.ContainerBeingDeleted:             {fault.Conflict, "The container is being deleted; try again later or choose another.", true},
	bloberror.InvalidResourceName:               badName,
	bloberror.OutOfRangeInput:                   badName,
	bloberror.InvalidURI:                        {fault.BadInput, "The name has characters that the service does not take, or is longer than 1,024.", false},
	bloberror.ContainerDisabled:                 {fault.Forbidden, "The container was disabled by its owner.", false},
	bloberror.MD5Mismatch:                       {fault.StoreFailed, "Bytes were damaged on the way; the upload is tried again.", true},
	bloberror.SnapshotsPresent:                  {fault.Conflict, "The blob has snapshots; delete them first.", false},
	bloberror.LeaseLost:                         {fault.Conflict, "Somebody took the lease on the blob; release it.", false},
	"BlobOverwriteNotAllowed":                   {fault.Conflict, "The container does not let blobs be replaced; choose another name.", false},
	"PathConflict":                              {fault.Conflict, "A folder has that name already.", false},
	"ResourceTypeMismatch":                      {fault.Conflict, "A folder has that name already, or a file the name of a folder in the path.", false},
	"DirectoryIsNotEmpty":                       {fault.Conflict, "This is a folder that is not empty.", false},
	"KeyBasedAuthenticationNotPermitted":        {fault.SignInFailed, "The account refuses its keys; use a service principal.", false},
	"AuthorizationFailureForInternalResource":   signIn,
	bloberror.InvalidBlobOrBlock:                {fault.Conflict, "Another program's unfinished upload of the same blob stands in the way; delete the blob, or wait a week until the service drops it.", false},
}

func (a *account) answered(what, p string, r *azcore.ResponseError) error {
	code := r.ErrorCode
	if code == "" {
		code = http.StatusText(r.StatusCode)
	}
	f := fault.New(fault.StoreFailed, "%s", what).At(p)
	known, ok := remedies[bloberror.Code(r.ErrorCode)]
	if !ok {
		known = byStatus(r.StatusCode)
	}
	f.Code, f.Hint, f.Transient = known.code, known.hint, known.transient
	why := fmt.Errorf("the service answered %d %s", r.StatusCode, code)
	if f.Code == fault.NotFound {
		why = fmt.Errorf("%w: %w", fs.ErrNotExist, why)
	}
	return f.Because(why)
}

// byStatus is for codes that are not known, and for answers to HEAD, which have none.
func byStatus(status int) remedy {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return signIn
	case status == http.StatusNotFound:
		return remedies[bloberror.ResourceNotFound]
	case status == http.StatusPreconditionFailed:
		return remedies[bloberror.ConditionNotMet]
	case status == http.StatusTooManyRequests, status >= 500:
		return remedy{fault.StoreFailed, "The service is busy or has a problem; try again later.", true}
	}
	return remedy{fault.StoreFailed, "", false}
}

// unreachable is for errors without an answer.
func (a *account) unreachable(what, p string, err error) error {
	f := fault.New(fault.Unreachable, "%s", what).At(p).AsTransient()
	for {
		u, ok := errors.AsType[*url.Error](err) // its text has the address with the signature
		if !ok {
			break
		}
		err = u.Err
	}
	f.Cause = err
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		f.Cause = fmt.Errorf("the name %s cannot be found", dns.Name)
		return f.Try("Check the account's name, and this computer's network and proxy.")
	}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, other := errors.AsType[x509.HostnameError](err)
	if unknown || other {
		f.Transient = false
		return f.Try("The TLS certificate is not the service's own: a proxy may be reading along; add its authority to this computer's.")
	}
	return f.Try("Check that this computer reaches %s: network, proxy and firewall.", a.endpoint)
}
