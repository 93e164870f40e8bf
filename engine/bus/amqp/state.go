package amqp

// Conditions of errors, by the AMQP specification and by Azure Service Bus.
const (
	CondInternalError   Symbol = "amqp:internal-error"
	CondNotFound        Symbol = "amqp:not-found"
	CondUnauthorized    Symbol = "amqp:unauthorized-access"
	CondDecodeError     Symbol = "amqp:decode-error"
	CondResourceLimit   Symbol = "amqp:resource-limit-exceeded"
	CondNotAllowed      Symbol = "amqp:not-allowed"
	CondInvalidField    Symbol = "amqp:invalid-field"
	CondNotImplemented  Symbol = "amqp:not-implemented"
	CondForced          Symbol = "amqp:connection:forced"
	CondFraming         Symbol = "amqp:connection:framing-error"
	CondWindowViolation Symbol = "amqp:session:window-violation"
	CondHandleInUse     Symbol = "amqp:session:handle-in-use"
	CondUnattached      Symbol = "amqp:session:unattached-handle"
	CondTransferLimit   Symbol = "amqp:link:transfer-limit-exceeded"
	CondMessageSize     Symbol = "amqp:link:message-size-exceeded"
	CondMessageLockLost Symbol = "com.microsoft:message-lock-lost"
	CondDeadLetter      Symbol = "com.microsoft:dead-letter"
	CondArgument        Symbol = "com.microsoft:argument-error"
)

// Error is why a link, session or connection ended, or why a message was rejected.
type Error struct {
	Condition   Symbol
	Description string
	Info        Map
}

// Error is condition and description.
func (e *Error) Error() string { return string(e.Condition) + ": " + e.Description }

func (e *Error) value() any {
	if e == nil {
		return nil
	}
	return composite(descError, e.Condition, orNil(e.Description), mapOrNil(e.Info))
}

func (f *fields) error(i int) *Error {
	v := f.at(i)
	if v == nil {
		return nil
	}
	d, list, ok := describedList(v)
	if !ok || d != descError {
		f.wrong(i)
		return nil
	}
	in := fields{list: list}
	e := &Error{
		Condition: need[Symbol](&in, 0, "condition"), Description: option(&in, 1, ""), Info: option(&in, 2, Map(nil)),
	}
	if f.bad == nil {
		f.bad = in.bad
	}
	return e
}

// State is the state of a delivery: one of the types below.
type State interface{ value() any }

type (
	// Accepted is processed; for a queue's receiver: complete.
	Accepted struct{}
	// Released is not processed, as if it had never been delivered.
	Released struct{}
	// Received is a part that has arrived; it says nothing about the outcome.
	Received struct{}
	// Rejected is unfit for processing.
	Rejected struct{ Error *Error }
	// Modified is not processed, with changes to the message.
	Modified struct {
		DeliveryFailed, UndeliverableHere bool
		Annotations                       Map
	}
)

func (Accepted) value() any   { return composite(descAccepted) }
func (Released) value() any   { return composite(descReleased) }
func (Received) value() any   { return composite(descReceived, uint32(0), uint64(0)) }
func (s Rejected) value() any { return composite(descRejected, s.Error.value()) }
func (s Modified) value() any {
	return composite(descModified, s.DeliveryFailed, s.UndeliverableHere, mapOrNil(s.Annotations))
}

func (f *fields) state(i int) State {
	v := f.at(i)
	if v == nil {
		return nil
	}
	d, list, ok := describedList(v)
	if !ok {
		f.wrong(i)
		return nil
	}
	in := fields{list: list}
	s := in.stateOf(d)
	if s == nil {
		f.wrong(i)
	}
	if f.bad == nil {
		f.bad = in.bad
	}
	return s
}

func (f *fields) stateOf(descriptor uint64) State {
	switch descriptor {
	case descAccepted:
		return Accepted{}
	case descReleased:
		return Released{}
	case descReceived:
		return Received{}
	case descRejected:
		return Rejected{Error: f.error(0)}
	case descModified:
		return Modified{
			DeliveryFailed: option(f, 0, false), UndeliverableHere: option(f, 1, false), Annotations: option(f, 2, Map(nil)),
		}
	}
	return nil
}
