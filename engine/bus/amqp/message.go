package amqp

// Descriptors of message sections.
const (
	descHeader              = 0x70
	descDeliveryAnnotations = 0x71
	descMessageAnnotations  = 0x72
	descProperties          = 0x73
	descApplication         = 0x74
	descData                = 0x75
	descSequence            = 0x76
	descValue               = 0x77
	descFooter              = 0x78
)

// FormatBatch is the message format of a transfer whose data sections are encoded messages.
const FormatBatch uint32 = 0x80013700

// Header is the section that an intermediary may change. TTL is in milliseconds, nil where there is none.
type Header struct {
	Durable       bool
	Priority      uint8
	TTL           *uint32
	DeliveryCount uint32
}

// Message is a message cut into its sections. What a broker has no business with is kept as the bytes that came.
type Message struct {
	Header      *Header
	Annotations Map
	Properties  Properties
	Application Map
	// Data are the contents of the data sections; Value is that of an amqp-value section.
	Data  [][]byte
	Value any
	// RawProperties, RawApplication and RawBody are whole sections as they came; RawBody includes the footer.
	RawProperties, RawApplication, RawBody []byte
}

// Properties are those of the standard properties that a broker looks at.
type Properties struct {
	MessageID     any
	To, ReplyTo   string
	CorrelationID any
	GroupID       string // the session of a message
}

// ParseMessage decodes and checks every section of a message: order, types, nesting. The result shares memory with b.
func ParseMessage(b []byte) (*Message, error) {
	m := &Message{}
	last := uint64(0)
	for len(b) > 0 {
		v, rest, err := Decode(b)
		if err != nil {
			return nil, err
		}
		d, ok := v.(Described)
		code, isCode := d.Descriptor.(uint64)
		if !ok || !isCode || code < descHeader || code > descFooter {
			return nil, malformed("a message section without a known descriptor")
		}
		if repeats := code == last && (code == descData || code == descSequence); code <= last && !repeats {
			return nil, malformed("message section 0x%x after 0x%x", code, last)
		}
		if last >= descData && last <= descValue && code != last && code <= descValue {
			return nil, malformed("a message with two kinds of body")
		}
		last = code
		raw := b[: len(b)-len(rest) : len(b)-len(rest)]
		if err := m.section(code, d.Value, raw); err != nil {
			return nil, err
		}
		b = rest
	}
	return m, nil
}

func (m *Message) section(code uint64, v any, raw []byte) error {
	ok := true
	switch code {
	case descHeader:
		return m.parseHeader(v)
	case descDeliveryAnnotations:
		_, ok = v.(Map)
	case descMessageAnnotations:
		m.Annotations, ok = v.(Map)
	case descProperties:
		m.RawProperties = raw
		return m.parseProperties(v)
	case descApplication:
		m.RawApplication = raw
		if m.Application, ok = v.(Map); ok {
			for _, p := range m.Application {
				if _, text := p.Key.(string); !text {
					return malformed("an application property with a key of type %T", p.Key)
				}
			}
		}
	case descData:
		var data []byte
		data, ok = v.([]byte)
		m.Data = append(m.Data, data)
		m.RawBody = append(m.RawBody, raw...)
	case descSequence:
		_, ok = v.(List)
		m.RawBody = append(m.RawBody, raw...)
	case descValue:
		m.Value = v
		m.RawBody = append(m.RawBody, raw...)
	case descFooter:
		_, ok = v.(Map)
		m.RawBody = append(m.RawBody, raw...)
	}
	if !ok {
		return malformed("message section 0x%x holds a %T", code, v)
	}
	return nil
}

func (m *Message) parseHeader(v any) error {
	list, ok := v.(List)
	if !ok {
		return malformed("a header that is a %T", v)
	}
	f := fields{list: list}
	m.Header = &Header{
		Durable: option(&f, 0, false), Priority: option(&f, 1, uint8(4)), TTL: pointer[uint32](&f, 2),
		DeliveryCount: option(&f, 4, uint32(0)),
	}
	return f.bad
}

func (m *Message) parseProperties(v any) error {
	list, ok := v.(List)
	if !ok {
		return malformed("properties that are a %T", v)
	}
	f := fields{list: list}
	m.Properties = Properties{
		MessageID: f.id(0), To: option(&f, 2, ""), ReplyTo: option(&f, 4, ""), CorrelationID: f.id(5),
		GroupID: option(&f, 10, ""),
	}
	// The other fields are only checked, because receivers rely on their types.
	option(&f, 1, []byte(nil))
	option(&f, 3, "")
	f.textAt(6)
	f.textAt(7)
	option(&f, 8, Timestamp(0))
	option(&f, 9, Timestamp(0))
	option(&f, 11, uint32(0))
	option(&f, 12, "")
	return f.bad
}

// id is a message-id or correlation-id.
func (f *fields) id(i int) any {
	v := f.at(i)
	switch v.(type) {
	case nil, string, uint64, UUID, []byte:
		return v
	}
	f.wrong(i)
	return nil
}

// textAt checks a content type or encoding, which should be a symbol and is often a string.
func (f *fields) textAt(i int) {
	if v := f.at(i); v != nil {
		if _, ok := Text(v); !ok {
			f.wrong(i)
		}
	}
}

// AppendHeader encodes a header section.
func AppendHeader(b []byte, h Header) []byte {
	return appendComposite(b, descHeader, []any{h.Durable, h.Priority, pointed(h.TTL), nil, h.DeliveryCount})
}

// AppendDeliveryAnnotations encodes the annotations for the next hop.
func AppendDeliveryAnnotations(b []byte, m Map) []byte {
	return appendSection(b, descDeliveryAnnotations, m)
}

// AppendAnnotations encodes message annotations.
func AppendAnnotations(b []byte, m Map) []byte { return appendSection(b, descMessageAnnotations, m) }

// AppendProperties encodes a properties section with the fields of p.
func AppendProperties(b []byte, p Properties) []byte {
	return appendComposite(b, descProperties, []any{
		p.MessageID, nil, orNil(p.To), nil, orNil(p.ReplyTo), p.CorrelationID, nil, nil, nil, nil, orNil(p.GroupID),
	})
}

// WithMessageID is a properties section, as it came and was checked by ParseMessage, with a message ID.
func WithMessageID(rawProperties []byte, id string) []byte {
	list := List{nil}
	if v, _, err := Decode(rawProperties); err == nil {
		if _, all, ok := describedList(v); ok && len(all) > 0 {
			list = all
		}
	}
	list[0] = id
	return appendComposite(nil, descProperties, list)
}

// AppendApplication encodes application properties.
func AppendApplication(b []byte, m Map) []byte { return appendSection(b, descApplication, m) }

// AppendData encodes a data section.
func AppendData(b, data []byte) []byte { return appendSection(b, descData, data) }

// AppendValue encodes an amqp-value section.
func AppendValue(b []byte, v any) []byte { return appendSection(b, descValue, v) }

func appendSection(b []byte, descriptor byte, v any) []byte {
	return Append(append(b, codeDescribed, codeSmallUlong, descriptor), v)
}
