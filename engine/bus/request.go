package bus

import (
	"time"

	"dmgateway/engine/bus/amqp"
	"dmgateway/engine/logging"
)

// Status codes of responses. Clients treat any other code as a broken connection.
const (
	statusOK           = 200
	statusAccepted     = 202
	statusNoContent    = 204
	statusUnauthorized = 401
	statusNotFound     = 404
	statusLockLost     = 410
	statusServerError  = 500
)

// response is what a request to $cbs or $management gets.
type response struct {
	status      int32
	description string
	condition   amqp.Symbol // "" where it went well
	body        amqp.Map
}

// request works on one request and settles it. It runs without conn.mu.
func (l *link) request(head transfer, raw []byte) {
	m, err := amqp.ParseMessage(raw)
	if err != nil {
		l.answer(head, err)
		return
	}
	l.answer(head, nil)
	respond := func(r response) { l.respond(m, r) }
	if l.node == cbsPath {
		respond(l.session.conn.putToken(m))
		return
	}
	l.manage(m, respond)
}

// respond sends a response to the reply link that the request names.
func (l *link) respond(request *amqp.Message, r response) {
	props := amqp.Map{
		{Key: "status-code", Value: r.status},
		{Key: "statusCode", Value: r.status},
		{Key: "status-description", Value: r.description},
		{Key: "statusDescription", Value: r.description},
	}
	if r.condition != "" {
		props = append(props, amqp.Pair{Key: "errorCondition", Value: r.condition})
	}
	id := request.Properties.MessageID
	if id == nil {
		id = request.Properties.CorrelationID
	}
	b := amqp.AppendProperties(nil, amqp.Properties{CorrelationID: id})
	b = amqp.AppendApplication(b, props)
	if r.body == nil {
		r.body = amqp.Map{}
	}
	b = amqp.AppendValue(b, r.body)

	c := l.session.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if to := l.replyLink(request.Properties.ReplyTo); to != nil {
		to.reply(b)
	}
}

// replyLink finds where a response goes: the link with that address, else the one on the same node in the same session,
// because some clients give their link no address, else one in another session.
func (l *link) replyLink(replyTo string) *link {
	var best *link
	rank := 0
	for _, s := range l.session.conn.sessions {
		for _, other := range s.links {
			if other.kind != linkReply || other.node != l.node || other.detachedHere {
				continue
			}
			r := 1
			if s == l.session {
				r = 2
			}
			if replyTo != "" && other.replyTo == replyTo {
				r += 2
			}
			if r > rank {
				best, rank = other, r
			}
		}
	}
	return best
}

// maxClaims is how many queues a connection may present tokens for.
const maxClaims = 1000

// putToken takes a token: from now on the connection may do what its rule grants on the audience.
func (c *conn) putToken(m *amqp.Message) response {
	get := func(key string) string {
		s, _ := amqp.Text(m.Application.Get(key))
		return s
	}
	refuse := func(why string) response {
		return response{status: statusUnauthorized, description: why, condition: amqp.CondUnauthorized}
	}
	if get("operation") != "put-token" {
		return response{status: statusNotFound, description: "unknown operation", condition: amqp.CondNotImplemented}
	}
	if kind := get("type"); kind != "servicebus.windows.net:sastoken" {
		return refuse("tokens of type " + kind + " are not taken, only shared access signatures")
	}
	token, ok := m.Value.(string)
	if !ok {
		return refuse("the token is not a string")
	}
	path, cl, refusal := c.broker.checkToken(token, get("name"), time.Now())
	if refusal != "" {
		audience := get("name")
		c.log.Warn("the bus refuses a token", logging.Key, logging.BusTokenRefused, "audience", audience[:min(len(audience), maxAudience)], "reason", refusal)
		return refuse(refusal)
	}
	c.mu.Lock()
	if _, known := c.claims[path]; !known && len(c.claims) >= maxClaims {
		c.mu.Unlock()
		return refuse("too many tokens on one connection")
	}
	c.claims[path] = cl
	c.mu.Unlock()
	return response{status: statusAccepted, description: "Accepted"}
}
