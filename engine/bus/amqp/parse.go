package amqp

// ParseFrame decodes the body of a frame: the performative and the payload after it.
func ParseFrame(body []byte) (Performative, []byte, error) {
	v, payload, err := Decode(body)
	if err != nil {
		return nil, nil, err
	}
	descriptor, list, ok := describedList(v)
	if !ok {
		return nil, nil, malformed("a frame that is not a described list")
	}
	f := fields{list: list}
	p := f.performative(descriptor)
	if p == nil {
		return nil, nil, malformed("unknown performative 0x%x", descriptor)
	}
	if f.bad != nil {
		return nil, nil, f.bad
	}
	return p, payload, nil
}

func describedList(v any) (descriptor uint64, list List, ok bool) {
	d, ok := v.(Described)
	if !ok {
		return 0, nil, false
	}
	if descriptor, ok = d.Descriptor.(uint64); !ok {
		return 0, nil, false
	}
	list, ok = d.Value.(List)
	return descriptor, list, ok
}

func (f *fields) performative(descriptor uint64) Performative {
	switch descriptor {
	case descMechanisms:
		return &Mechanisms{Names: f.symbols(0)}
	case descInit:
		return &Init{Mechanism: need[Symbol](f, 0, "mechanism")}
	case descOutcome:
		return &Outcome{Code: need[uint8](f, 0, "code")}
	case descOpen:
		return &Open{
			ContainerID: need[string](f, 0, "container-id"), Hostname: option(f, 1, ""),
			MaxFrameSize: option(f, 2, ^uint32(0)), ChannelMax: option(f, 3, ^uint16(0)),
			IdleTimeout: option(f, 4, uint32(0)), Properties: option(f, 9, Map(nil)),
		}
	case descBegin:
		return &Begin{
			RemoteChannel: pointer[uint16](f, 0), NextOutgoingID: need[uint32](f, 1, "next-outgoing-id"),
			IncomingWindow: need[uint32](f, 2, "incoming-window"), OutgoingWindow: need[uint32](f, 3, "outgoing-window"),
			HandleMax: option(f, 4, ^uint32(0)),
		}
	case descAttach:
		return f.attach()
	case descFlow:
		return &Flow{
			NextIncomingID: pointer[uint32](f, 0), IncomingWindow: need[uint32](f, 1, "incoming-window"),
			NextOutgoingID: need[uint32](f, 2, "next-outgoing-id"), OutgoingWindow: need[uint32](f, 3, "outgoing-window"),
			Handle: pointer[uint32](f, 4), DeliveryCount: pointer[uint32](f, 5), LinkCredit: pointer[uint32](f, 6),
			Drain: option(f, 8, false), Echo: option(f, 9, false),
		}
	case descTransfer:
		return &Transfer{
			Handle: need[uint32](f, 0, "handle"), DeliveryID: pointer[uint32](f, 1), DeliveryTag: option(f, 2, []byte(nil)),
			Format: option(f, 3, uint32(0)), Settled: option(f, 4, false), More: option(f, 5, false),
			Aborted: option(f, 9, false),
		}
	case descDisposition:
		first := need[uint32](f, 1, "first")
		return &Disposition{
			Role: Role(need[bool](f, 0, "role")), First: first, Last: option(f, 2, first), Settled: option(f, 3, false),
			State: f.state(4),
		}
	case descDetach:
		return &Detach{Handle: need[uint32](f, 0, "handle"), Closed: option(f, 1, false), Error: f.error(2)}
	case descEnd:
		return &End{Error: f.error(0)}
	case descClose:
		return &Close{Error: f.error(0)}
	}
	return nil
}

func (f *fields) attach() *Attach {
	return &Attach{
		Name: need[string](f, 0, "name"), Handle: need[uint32](f, 1, "handle"), Role: Role(need[bool](f, 2, "role")),
		SndSettle: option(f, 3, SenderMixed), RcvSettle: option(f, 4, ReceiverFirst),
		Source: f.terminus(5, descSource), Target: f.terminus(6, descTarget),
		InitialDeliveryCount: option(f, 9, uint32(0)), MaxMessageSize: option(f, 10, uint64(0)),
		Properties: option(f, 13, Map(nil)),
	}
}

// terminus is a source or target; a coordinator, which is for transactions, is kept and has no address.
func (f *fields) terminus(i int, descriptor uint64) any {
	v := f.at(i)
	if v == nil {
		return nil
	}
	if d, _, ok := describedList(v); !ok || d != descriptor && d != 0x30 {
		f.wrong(i)
		return nil
	}
	return v
}

// SourceAddress is the address of an attach's source, "" if it has none.
func (p *Attach) SourceAddress() string { return address(p.Source) }

// TargetAddress is the address of an attach's target, "" if it has none.
func (p *Attach) TargetAddress() string { return address(p.Target) }

// SourceFilters is the filter set of an attach's source.
func (p *Attach) SourceFilters() Map {
	if _, list, ok := describedList(p.Source); ok && len(list) > 7 {
		m, _ := list[7].(Map)
		return m
	}
	return nil
}

func address(terminus any) string {
	if _, list, ok := describedList(terminus); ok && len(list) > 0 {
		s, _ := Text(list[0])
		return s
	}
	return ""
}

// fields reads the elements of a described list and remembers the first that has a wrong type.
type fields struct {
	list List
	bad  error
}

func (f *fields) at(i int) any {
	if i < len(f.list) {
		return f.list[i]
	}
	return nil
}

func (f *fields) wrong(i int) {
	if f.bad == nil {
		f.bad = malformed("field %d has the type %T", i, f.at(i))
	}
}

// option is field i, or missing where it is null.
func option[T any](f *fields, i int, missing T) T {
	v := f.at(i)
	if v == nil {
		return missing
	}
	t, ok := v.(T)
	if !ok {
		f.wrong(i)
	}
	return t
}

func pointer[T any](f *fields, i int) *T {
	if f.at(i) == nil {
		return nil
	}
	var zero T
	v := option(f, i, zero)
	return &v
}

func need[T any](f *fields, i int, name string) T {
	var zero T
	if f.at(i) == nil && f.bad == nil {
		f.bad = malformed("field %s is missing", name)
	}
	return option(f, i, zero)
}

func (f *fields) symbols(i int) []Symbol {
	switch v := f.at(i).(type) {
	case Symbol:
		return []Symbol{v}
	case Array:
		var names []Symbol
		for _, item := range v.Items {
			if s, ok := item.(Symbol); ok {
				names = append(names, s)
			}
		}
		return names
	}
	f.wrong(i)
	return nil
}
