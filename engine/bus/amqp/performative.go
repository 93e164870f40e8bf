package amqp

import "encoding/binary"

// Descriptors of performatives and of what is inside them.
const (
	descOpen        = 0x10
	descBegin       = 0x11
	descAttach      = 0x12
	descFlow        = 0x13
	descTransfer    = 0x14
	descDisposition = 0x15
	descDetach      = 0x16
	descEnd         = 0x17
	descClose       = 0x18
	descError       = 0x1d
	descReceived    = 0x23
	descAccepted    = 0x24
	descRejected    = 0x25
	descReleased    = 0x26
	descModified    = 0x27
	descSource      = 0x28
	descTarget      = 0x29
	descMechanisms  = 0x40
	descInit        = 0x41
	descOutcome     = 0x44
)

// Role says which end of a link its sender of a performative is.
type Role bool

// The two ends.
const (
	RoleSender   Role = false
	RoleReceiver Role = true
)

// Settle modes of a link.
const (
	SenderUnsettled uint8 = 0
	SenderSettled   uint8 = 1
	SenderMixed     uint8 = 2
	ReceiverFirst   uint8 = 0
	ReceiverSecond  uint8 = 1
)

// Performative is the body of a frame: one of the pointer types below.
type Performative interface {
	fields() (descriptor uint64, fields []any)
}

type (
	// Mechanisms offers SASL mechanisms.
	Mechanisms struct{ Names []Symbol }
	// Init picks a SASL mechanism.
	Init struct{ Mechanism Symbol }
	// Outcome ends SASL; code 0 is success, 1 refused.
	Outcome struct{ Code uint8 }

	// Open starts a connection. IdleTimeout is in milliseconds, 0 is none.
	Open struct {
		ContainerID, Hostname string
		MaxFrameSize          uint32
		ChannelMax            uint16
		IdleTimeout           uint32
		Properties            Map
	}
	// Begin starts a session. RemoteChannel is nil in the one that comes first.
	Begin struct {
		RemoteChannel                  *uint16
		NextOutgoingID                 uint32
		IncomingWindow, OutgoingWindow uint32
		HandleMax                      uint32
	}
	// Attach makes a link. Source and Target are kept as they came, to be echoed; see SourceAddress and TargetAddress.
	Attach struct {
		Name                 string
		Handle               uint32
		Role                 Role
		SndSettle, RcvSettle uint8
		Source, Target       any
		InitialDeliveryCount uint32
		MaxMessageSize       uint64
		Properties           Map
	}
	// Flow updates windows and, with a Handle, the credit of a link.
	Flow struct {
		NextIncomingID                 *uint32
		IncomingWindow                 uint32
		NextOutgoingID, OutgoingWindow uint32
		Handle                         *uint32
		DeliveryCount                  *uint32
		LinkCredit                     *uint32
		Drain, Echo                    bool
	}
	// Transfer is a message or a part of one. DeliveryID, DeliveryTag and Format are in its first part.
	Transfer struct {
		Handle        uint32
		DeliveryID    *uint32
		DeliveryTag   []byte
		Format        uint32
		Settled, More bool
		Aborted       bool
	}
	// Disposition tells the state of the deliveries First to Last.
	Disposition struct {
		Role        Role
		First, Last uint32
		Settled     bool
		State       State
	}
	// Detach ends a link.
	Detach struct {
		Handle uint32
		Closed bool
		Error  *Error
	}
	// End ends a session.
	End struct{ Error *Error }
	// Close ends a connection.
	Close struct{ Error *Error }
)

// AppendPerformative encodes p at the end of b.
func AppendPerformative(b []byte, p Performative) []byte {
	descriptor, fields := p.fields()
	return appendComposite(b, descriptor, fields)
}

// appendComposite encodes a described list and leaves out the nulls at its end.
func appendComposite(b []byte, descriptor uint64, fields []any) []byte {
	b = append(b, codeDescribed, codeSmallUlong, byte(descriptor))
	for len(fields) > 0 && fields[len(fields)-1] == nil {
		fields = fields[:len(fields)-1]
	}
	start := len(b)
	b = append(b, codeList32, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(fields)))
	for _, f := range fields {
		b = Append(b, f)
	}
	binary.BigEndian.PutUint32(b[start+1:], uint32(len(b)-start-5))
	return b
}

// composite is the value that appendComposite encodes, for use inside another value.
func composite(descriptor uint64, fields ...any) any {
	return Described{descriptor, List(fields)}
}

func (p *Mechanisms) fields() (uint64, []any) { return descMechanisms, []any{Symbols(p.Names...)} }
func (p *Init) fields() (uint64, []any)       { return descInit, []any{p.Mechanism} }
func (p *Outcome) fields() (uint64, []any)    { return descOutcome, []any{p.Code} }

func (p *Open) fields() (uint64, []any) {
	return descOpen, []any{
		p.ContainerID, orNil(p.Hostname), p.MaxFrameSize, p.ChannelMax, orNil(p.IdleTimeout),
		nil, nil, nil, nil, mapOrNil(p.Properties),
	}
}

func (p *Begin) fields() (uint64, []any) {
	return descBegin, []any{pointed(p.RemoteChannel), p.NextOutgoingID, p.IncomingWindow, p.OutgoingWindow, p.HandleMax}
}

func (p *Attach) fields() (uint64, []any) {
	var initial any
	if p.Role == RoleSender {
		initial = p.InitialDeliveryCount
	}
	return descAttach, []any{
		p.Name, p.Handle, bool(p.Role), p.SndSettle, p.RcvSettle, p.Source, p.Target, nil, nil, initial,
		orNil(p.MaxMessageSize), nil, nil, mapOrNil(p.Properties),
	}
}

func (p *Flow) fields() (uint64, []any) {
	return descFlow, []any{
		pointed(p.NextIncomingID), p.IncomingWindow, p.NextOutgoingID, p.OutgoingWindow, pointed(p.Handle),
		pointed(p.DeliveryCount), pointed(p.LinkCredit), nil, p.Drain, p.Echo,
	}
}

func (p *Transfer) fields() (uint64, []any) {
	if p.DeliveryID == nil {
		return descTransfer, []any{p.Handle, nil, nil, nil, nil, p.More}
	}
	return descTransfer, []any{p.Handle, *p.DeliveryID, p.DeliveryTag, p.Format, p.Settled, p.More}
}

func (p *Disposition) fields() (uint64, []any) {
	var state any
	if p.State != nil {
		state = p.State.value()
	}
	return descDisposition, []any{bool(p.Role), p.First, p.Last, p.Settled, state}
}

func (p *Detach) fields() (uint64, []any) {
	return descDetach, []any{p.Handle, p.Closed, p.Error.value()}
}
func (p *End) fields() (uint64, []any)   { return descEnd, []any{p.Error.value()} }
func (p *Close) fields() (uint64, []any) { return descClose, []any{p.Error.value()} }

func orNil[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func pointed[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}

func mapOrNil(m Map) any {
	if len(m) == 0 {
		return nil
	}
	return m
}
