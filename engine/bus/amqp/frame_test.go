package amqp

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
)

func performatives() []Performative {
	u16, u32 := uint16(3), uint32(9)
	source := Described{uint64(descSource), List{"q", uint32(0)}}
	target := Described{uint64(descTarget), List{"t"}}
	why := &Error{Condition: CondForced, Description: "why", Info: Map{{Symbol("k"), "v"}}}
	return []Performative{
		&Mechanisms{Names: []Symbol{"ANONYMOUS", "PLAIN"}},
		&Init{Mechanism: "ANONYMOUS"},
		&Outcome{Code: 1},
		&Open{ContainerID: "c", Hostname: "h", MaxFrameSize: 512, ChannelMax: 7, IdleTimeout: 30_000, Properties: Map{{Symbol("p"), "v"}}},
		&Open{ContainerID: ""},
		&Begin{RemoteChannel: &u16, NextOutgoingID: 1, IncomingWindow: 2, OutgoingWindow: 3, HandleMax: 4},
		&Begin{},
		&Attach{
			Name: "l", Handle: 1, Role: RoleSender, SndSettle: SenderSettled, RcvSettle: ReceiverSecond, Source: source,
			Target: target, InitialDeliveryCount: 5, MaxMessageSize: 1 << 40, Properties: Map{{Symbol("a"), true}},
		},
		&Attach{Name: "l", Role: RoleReceiver, SndSettle: SenderMixed},
		&Flow{IncomingWindow: 1},
		&Flow{NextIncomingID: &u32, Handle: &u32, DeliveryCount: &u32, LinkCredit: &u32, Drain: true, Echo: true},
		&Transfer{Handle: 1, DeliveryID: &u32, DeliveryTag: []byte("tag"), Format: FormatBatch, Settled: true, More: true},
		&Transfer{Handle: 1, More: true},
		&Disposition{Role: RoleReceiver, First: 1, Last: 2, Settled: true, State: Accepted{}},
		&Disposition{State: Released{}},
		&Disposition{State: Received{}},
		&Disposition{State: Rejected{Error: why}},
		&Disposition{State: Rejected{}},
		&Disposition{State: Modified{DeliveryFailed: true, UndeliverableHere: true, Annotations: Map{{Symbol("k"), int32(1)}}}},
		&Detach{Handle: 1, Closed: true, Error: why},
		&End{Error: why},
		&Close{},
	}
}

func TestPerformativesComeBack(t *testing.T) {
	t.Parallel()
	for _, p := range performatives() {
		frame := AppendFrame(nil, FrameAMQP, 5, p, []byte("payload"))
		kind, channel, body, _, err := ReadFrame(bytes.NewReader(frame), nil, 1<<16)
		if err != nil || kind != FrameAMQP || channel != 5 {
			t.Fatalf("%#v: %v", p, err)
		}
		got, payload, err := ParseFrame(body)
		if err != nil || string(payload) != "payload" {
			t.Errorf("%#v: %v, payload %q", p, err, payload)
		} else if !reflect.DeepEqual(got, p) {
			t.Errorf("%#v became %#v", p, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	a := &Attach{
		Source: Described{uint64(descSource), List{"q", nil, nil, nil, nil, nil, nil, Map{{Symbol("f"), "x"}}}},
		Target: Described{uint64(descTarget), List{Symbol("t")}},
	}
	if a.SourceAddress() != "q" || a.TargetAddress() != "t" || a.SourceFilters().Get("f") != "x" {
		t.Errorf("got %q, %q, %v", a.SourceAddress(), a.TargetAddress(), a.SourceFilters())
	}
	if a = (&Attach{}); a.SourceAddress() != "" || a.SourceFilters() != nil {
		t.Error("an attach without a source has an address")
	}
}

func TestMalformedPerformatives(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{
		"not described": List{}, "unknown": Described{uint64(0x99), List{}}, "descriptor of another type": Described{"open", List{}},
		"not a list": Described{uint64(descOpen), Map{}}, "open without container": Described{uint64(descOpen), List{}},
		"open with a number as container": Described{uint64(descOpen), List{uint32(1)}},
		"attach with a text as source":    Described{uint64(descAttach), List{"n", uint32(0), true, nil, nil, "q"}},
		"transfer without handle":         Described{uint64(descTransfer), List{}},
		"disposition with a bad state":    Described{uint64(descDisposition), List{true, uint32(0), nil, nil, Described{uint64(1), List{}}}},
		"detach with a text as error":     Described{uint64(descDetach), List{uint32(0), true, "no"}},
		"error without condition":         Described{uint64(descClose), List{Described{uint64(descError), List{}}}},
		"flow with a signed window":       Described{uint64(descFlow), List{nil, int32(1), uint32(0), uint32(0)}},
	} {
		var de *DecodeError
		if p, _, err := ParseFrame(Append(nil, v)); !errors.As(err, &de) {
			t.Errorf("%s: got %#v, %v", name, p, err)
		}
	}
}

func TestReadFrame(t *testing.T) {
	t.Parallel()
	heartbeat := AppendHeartbeat(nil)
	if _, _, body, _, err := ReadFrame(bytes.NewReader(heartbeat), nil, 512); err != nil || len(body) != 0 {
		t.Errorf("a heartbeat has %d bytes, %v", len(body), err)
	}
	var large *FrameSizeError
	if _, _, _, _, err := ReadFrame(bytes.NewReader([]byte{0xff, 0, 0, 0, 2, 0, 0, 0}), nil, 512); !errors.As(err, &large) {
		t.Errorf("a frame beyond the limit: %v", err)
	}
	for name, in := range map[string]string{
		"smaller than its header": "\x00\x00\x00\x07\x02\x00\x00\x00", "data inside the header": "\x00\x00\x00\x08\x01\x00\x00\x00",
		"data behind the end": "\x00\x00\x00\x08\x03\x00\x00\x00",
	} {
		var de *DecodeError
		if _, _, _, _, err := ReadFrame(bytes.NewReader([]byte(in)), nil, 512); !errors.As(err, &de) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := 1; n < len(heartbeat); n++ {
		if _, _, _, _, err := ReadFrame(bytes.NewReader(heartbeat[:n]), nil, 512); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes of a frame: %v", n, err)
		}
	}
	// An extended header is skipped.
	in := "\x00\x00\x00\x0e\x03\x00\x00\x01\xaa\xbb\xcc\xdd\x01\x02"
	if _, channel, body, _, err := ReadFrame(bytes.NewReader([]byte(in)), nil, 512); err != nil || channel != 1 || string(body) != "\x01\x02" {
		t.Errorf("got %q, %v", body, err)
	}
}
