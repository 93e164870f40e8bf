package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
)

// The JSON interface; README.md shows it with examples.

// enterRequest lets a browser or script in: by the code that a person reads off, or by a token of the factory.
type enterRequest struct {
	Code  string `json:"code"`
	Token string `json:"token"`
}

// sessionAnswer is what a caller that is in needs to know.
type sessionAnswer struct {
	CSRF    string    `json:"csrf"` // to be sent as X-CSRF-Token with everything but GET
	Gateway string    `json:"gateway"`
	Node    string    `json:"node"`
	Factory string    `json:"factory"`
	Scope   string    `json:"scope,omitempty"` // the one linked service that may be touched
	Expires time.Time `json:"expires"`
}

// testLine is one line of a test's answer; the last one has Done or Error.
type testLine struct {
	Stage *Stage     `json:"stage,omitempty"`
	Done  bool       `json:"done,omitempty"`
	Error *errorBody `json:"error,omitempty"`
}

type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Target  string `json:"target,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

var statusOf = map[string]int{
	fault.BadInput: http.StatusBadRequest, fault.Unsupported: http.StatusBadRequest, fault.BadData: http.StatusBadRequest, fault.SignInFailed: http.StatusBadRequest,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict, fault.Forbidden: http.StatusForbidden,
	fault.NotRegistered: http.StatusConflict, fault.Unreachable: http.StatusServiceUnavailable, codeTooMany: http.StatusTooManyRequests,
	codeNoSession: http.StatusUnauthorized,
}

// codeNoSession is the fault of who has not come in, or was away for too long.
const codeNoSession = "SessionEnded"

func noSession() error {
	return fault.New(codeNoSession, "this session has ended").Try("Enter a new pairing code, or open a new link of the data factory.")
}

// handler is everything that is served.
func (s *Server) handler() http.Handler {
	m := http.NewServeMux()
	s.pages(m)
	m.HandleFunc("POST /api/v1/session", s.enter)
	m.HandleFunc("GET /api/v1/session", s.within(false, s.session))
	m.HandleFunc("DELETE /api/v1/session", s.within(true, func(w http.ResponseWriter, r *http.Request, _ session) error {
		s.sessions.drop(r)
		http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: -1})
		return answer(w, struct{}{})
	}))
	m.HandleFunc("GET /api/v1/targets", s.within(false, s.targets))
	m.HandleFunc("POST /api/v1/targets/{name}/test", s.within(true, s.test))
	m.HandleFunc("POST /api/v1/targets/{name}/credential", s.within(true, s.set))
	m.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, fault.New(fault.NotFound, "there is nothing at this path: %s %s", r.Method, r.URL.Path), nil)
	})
	return s.guard(m)
}

func (s *Server) enter(w http.ResponseWriter, r *http.Request) {
	if err := s.letIn(w, r); err != nil {
		s.fail(w, err, nil)
	}
}

func (s *Server) letIn(w http.ResponseWriter, r *http.Request) error {
	var in enterRequest
	if err := read(r, &in); err != nil {
		return err
	}
	who, registered := s.o.Gateway.Who()
	if !registered {
		return fault.New(fault.NotRegistered, "the gateway is not registered with a data factory").Try("Register the gateway first.")
	}
	scope, err := s.admit(r, in, who)
	if err != nil {
		return err
	}
	cookie, session := s.sessions.begin(who.Gateway, scope, s.o.Now())
	s.o.Log.Info("somebody came in to set credentials", logging.Key, logging.EndpointEntered, "from", callerOf(r.RemoteAddr), "by", map[bool]string{true: "pairing code", false: "token"}[in.Token == ""], "scope", scope)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: cookie, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return s.session(w, r, session)
}

// admit checks the code or token; scope is the one linked service that a token is for.
func (s *Server) admit(r *http.Request, in enterRequest, who Who) (scope string, err error) {
	now, caller := s.o.Now(), callerOf(r.RemoteAddr)
	if in.Token != "" {
		t, err := protocol.OpenCredentialToken(in.Token, who.SigningKey, who.Factory, who.Gateway, now)
		if err == nil {
			var first bool
			if first, err = s.o.Gateway.Once(r.Context(), t.ID, time.Unix(t.Expires, 0).Add(2*protocol.ClockTolerance)); err != nil {
				return "", err
			}
			if !first {
				err = errors.New("it was used already")
			}
		}
		if err != nil {
			s.o.Log.Warn("a link for setting a credential was refused", logging.Key, logging.PairingRefused, "from", caller, "error", err)
			return "", fault.New(fault.Forbidden, "the link is not accepted").Because(err).Try("Ask the data factory for a new one, or enter a pairing code.")
		}
		return t.LinkedService, nil
	}
	guess, ok := normalCode(in.Code)
	if !ok {
		return "", fault.New(fault.BadInput, "this is no pairing code").At("code").Try("It has eight letters and digits, as in 7KQ4-M2XD.")
	}
	ok, wait := s.pairing.try(caller, guess, now)
	switch {
	case wait > 0:
		return "", &tooManyError{fault.New(codeTooMany, "too many wrong codes were entered").At("code").
			Try("Wait %s, then enter a new code.", wait.Round(time.Second)), wait}
	case !ok:
		s.o.Log.Warn("a wrong pairing code was entered", logging.Key, logging.PairingRefused, "from", caller)
		return "", fault.New(fault.Forbidden, "the code is wrong, used or too old").At("code").
			Try("Ask at the gateway for a new one: Settings shows it, or `dmgcmd endpoint code`.")
	}
	return "", nil
}

// tooManyError says how long to wait.
type tooManyError struct {
	why  *fault.Error
	wait time.Duration
}

// Error is the fault's.
func (t *tooManyError) Error() string { return t.why.Error() }

// Unwrap gives the fault.
func (t *tooManyError) Unwrap() error { return t.why }

func (s *Server) session(w http.ResponseWriter, _ *http.Request, in session) error {
	who, _ := s.o.Gateway.Who()
	return answer(w, sessionAnswer{CSRF: in.csrf, Gateway: who.GatewayName, Node: who.NodeName, Factory: who.FactoryName, Scope: in.scope, Expires: in.ends().UTC().Truncate(time.Second)})
}

// within lets only those in who have a session, and what changes something only with the session's CSRF token.
func (s *Server) within(writes bool, do func(http.ResponseWriter, *http.Request, session) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, registered := s.o.Gateway.Who()
		in, ok := s.sessions.of(r, who.Gateway, s.o.Now())
		switch {
		case !registered || !ok:
			s.fail(w, noSession(), nil)
		case writes && !equal(r.Header.Get(csrfHeader), in.csrf):
			s.fail(w, fault.New(fault.Forbidden, "the header %s is missing or wrong", csrfHeader).Try("Send what the session's \"csrf\" says."), nil)
		default:
			if err := do(w, r, in); err != nil {
				s.fail(w, err, nil)
			}
		}
	}
}

func (s *Server) targets(w http.ResponseWriter, r *http.Request, in session) error {
	list, err := s.targetsFor(r.Context(), in)
	if err != nil {
		return err
	}
	return answer(w, map[string][]Target{"targets": list})
}

func (s *Server) targetsFor(ctx context.Context, in session) ([]Target, error) {
	all, err := s.o.Gateway.Targets(ctx)
	if err != nil {
		return nil, err
	}
	list := []Target{}
	for _, t := range all {
		if in.scope == "" || strings.EqualFold(in.scope, t.Name) {
			list = append(list, t)
		}
	}
	return list, nil
}

// request reads what to set or test. Only a linked service of the gateway can be named, and only its credential changed:
// nobody reaches other hosts through here.
func (s *Server) request(r *http.Request, in session) (Request, error) {
	var req Request
	if err := read(r, &req); err != nil {
		return req, err
	}
	req.LinkedService = r.PathValue("name")
	list, err := s.targetsFor(r.Context(), in)
	if err != nil {
		return req, err
	}
	if !slices.ContainsFunc(list, func(t Target) bool { return strings.EqualFold(t.Name, req.LinkedService) }) {
		return req, fault.New(fault.NotFound, "there is no linked service %q here", req.LinkedService).At("name")
	}
	return req, nil
}

func (s *Server) test(w http.ResponseWriter, r *http.Request, in session) error {
	req, err := s.request(r, in)
	if err != nil {
		return err
	}
	if !s.sessions.mayTest(r, s.o.Now()) {
		return &tooManyError{fault.New(codeTooMany, "more than %d tests in a minute", testsAMinute).Try("Wait a minute, then test again."), time.Minute}
	}
	select {
	case s.testing <- struct{}{}:
		defer func() { <-s.testing }()
	default:
		return &tooManyError{fault.New(codeTooMany, "other connections are being tested").Try("Test again in a moment."), 5 * time.Second}
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), testTime, fault.New(fault.Unreachable, "the test took longer than %s", testTime).Try("Check that the store answers, and the firewall on the way to it."))
	defer cancel()
	w.Header().Set("Content-Type", "application/x-ndjson")
	encoder, flusher := json.NewEncoder(w), http.NewResponseController(w)
	send := func(l testLine) {
		_ = encoder.Encode(l) // whoever asked is gone then, and the context over
		_ = flusher.Flush()
	}
	err = s.o.Gateway.Test(ctx, req, func(st Stage) {
		st.Detail, st.Error, st.Remedy = Mask(st.Detail, req.Values), Mask(st.Error, req.Values), Mask(st.Remedy, req.Values)
		send(testLine{Stage: &st})
	})
	if err != nil && ctx.Err() != nil && r.Context().Err() == nil {
		err = context.Cause(ctx)
	}
	s.o.Log.Info("a credential was tested", logging.Key, logging.CredentialTested, "linkedService", req.LinkedService, "kind", req.Kind, "from", callerOf(r.RemoteAddr), "works", err == nil)
	if err != nil {
		body, _ := s.describeError(err, req.Values)
		send(testLine{Error: &body})
		return nil
	}
	send(testLine{Done: true})
	return nil
}

func (s *Server) set(w http.ResponseWriter, r *http.Request, in session) error {
	req, err := s.request(r, in)
	if err != nil {
		return err
	}
	out, err := s.o.Gateway.Set(r.Context(), req)
	s.o.Log.Info("a credential was set", logging.Key, logging.CredentialSealed, "linkedService", req.LinkedService, "kind", req.Kind, "from", callerOf(r.RemoteAddr), "done", err == nil)
	if err != nil {
		s.fail(w, err, req.Values)
		return nil
	}
	return answer(w, out)
}

func read(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows it")
		}
	}
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return fault.New(fault.BadInput, "the request is longer than %d bytes", tooLong.Limit)
	}
	if err != nil {
		return fault.New(fault.BadInput, "the request is not the JSON that is expected here").Try("See the endpoint's description of its interface.") // the cause could repeat a secret
	}
	return nil
}

func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v) // whoever asked is gone then
	return nil
}

// fail answers with an error, from which the secrets of values are taken.
func (s *Server) fail(w http.ResponseWriter, err error, values map[string]string) {
	var wait *tooManyError
	if errors.As(err, &wait) {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.wait.Seconds()))))
	}
	body, status := s.describeError(err, values)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]errorBody{"error": body}) // whoever asked is gone then
}

func (s *Server) describeError(err error, values map[string]string) (errorBody, int) {
	f := fault.As(err)
	status, known := statusOf[f.Code]
	if f.Code == fault.Internal {
		s.o.Log.Error("the endpoint failed", logging.Key, logging.EndpointBroken, "error", Mask(err.Error(), values))
		return errorBody{Code: f.Code, Message: "the gateway failed inside", Hint: "Look at the gateway's log."}, http.StatusInternalServerError
	}
	if !known {
		status = http.StatusBadGateway // the store's or the factory's
	}
	return errorBody{Code: f.Code, Message: Mask(f.Error(), values), Target: Mask(f.Target, values), Hint: Mask(f.Hint, values)}, status
}
