package filesystem

import (
	"errors"
	"io/fs"

	"dmgateway/engine/fault"
)

// explain makes a fault of an error of the operating system; a fault stays as it is.
func explain(what, p string, err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	f := fault.New(fault.StoreFailed, "%s", what).At(p).Because(err)
	switch {
	case diskFull(err):
		f.Code = fault.DiskFull
		return f.Try("Make room on the disk that holds the folder, then run the copy again.")
	case readOnly(err):
		f.Code = fault.Forbidden
		return f.Try("The file system is mounted read-only; mount it for writing or choose another folder.")
	case errors.Is(err, fs.ErrNotExist):
		f.Code = fault.NotFound
		return f.Try("Check the linked service's host and the dataset's folder and file name.")
	case errors.Is(err, fs.ErrPermission):
		f.Code = fault.Forbidden
		return f.Try("Let the account that the gateway runs under use the folder.")
	case inUse(err):
		f.Code = fault.Conflict
		return f.Try("Another program has the file open; close it there.").AsTransient()
	case nameTooLong(err):
		f.Code = fault.BadInput
		return f.Try("Choose a shorter name.")
	}
	return f
}
