package bus

import (
	"errors"

	"dmgateway/engine/bus/amqp"
)

// maxReason is how many bytes of a dead-letter reason or description are kept, as in Azure.
const maxReason = 4096

// outcomeOf is what a delivery state means to a queue.
func outcomeOf(state amqp.State) (outcome, error) {
	switch st := state.(type) {
	case amqp.Accepted:
		return outcome{verdict: verdictComplete}, nil
	case amqp.Modified:
		set, err := changes(st.Annotations)
		if st.UndeliverableHere {
			return outcome{verdictDefer, set}, err
		}
		return outcome{verdictAbandon, set}, err
	case amqp.Rejected:
		if st.Error == nil {
			return outcome{verdict: verdictDeadLetter}, nil
		}
		return deadLetter(st.Error)
	}
	// Released, or settled without any state.
	return outcome{verdict: verdictRelease}, nil
}

// deadLetter keeps the reason and the properties that a receiver gave.
func deadLetter(e *amqp.Error) (outcome, error) {
	info := e.Info
	if e.Condition != amqp.CondDeadLetter { // another client's way of rejecting
		info = amqp.Map{{Key: propReason, Value: string(e.Condition)}, {Key: propDescription, Value: e.Description}}
	}
	var kept amqp.Map
	for _, p := range info {
		if key, _ := amqp.Text(p.Key); key == propReason || key == propDescription {
			text, ok := p.Value.(string)
			if !ok {
				continue
			}
			p.Value = shorten(text)
		}
		kept = append(kept, p)
	}
	set, err := changes(kept)
	return outcome{verdictDeadLetter, set}, err
}

func shorten(s string) string {
	if len(s) <= maxReason {
		return s
	}
	n := maxReason
	for n > 0 && s[n]&0xc0 == 0x80 { // not in the middle of a character
		n--
	}
	return s[:n]
}

// answerState is the state that answers a client's decision.
func answerState(asked amqp.State, err error) amqp.State {
	var ae *amqp.Error
	switch {
	case err == nil && asked == nil:
		return amqp.Accepted{}
	case err == nil:
		if r, ok := asked.(amqp.Rejected); ok && r.Error != nil {
			return amqp.Rejected{} // as asked, without sending the reason back
		}
		return asked
	case errors.Is(err, errLockLost):
		return amqp.Rejected{Error: lockLost()}
	case errors.As(err, &ae):
		return amqp.Rejected{Error: ae}
	}
	return amqp.Rejected{Error: storeError()}
}

// storeError is what a client hears when writing failed; the reason is in the log.
func storeError() *amqp.Error {
	return &amqp.Error{Condition: amqp.CondInternalError, Description: "the bus could not write to its file"}
}
