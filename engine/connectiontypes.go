package engine

import lsdef "dmgateway/engine/endpoint/definition"

// ConnectionType is a type of store with the fields that say where it is and the ways to sign in to it.
type ConnectionType = lsdef.Type

// ConnectionTypes are all types of stores for which [NewConnection] makes a linked service.
func ConnectionTypes() []ConnectionType { return lsdef.Types() }

// NewConnection makes the JSON of a linked service without a credential, for [EndpointControl.TestCredential]: values are
// those of the type's fields by name, kind is the way to sign in.
func NewConnection(typeName, kind string, values map[string]string) ([]byte, error) {
	d, err := lsdef.New(typeName, kind, values)
	if err != nil {
		return nil, err
	}
	return d.JSON(), nil
}
