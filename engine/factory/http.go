package factory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
)

// Limits of a request.
const (
	maxBody     = 8 << 20
	requestTime = time.Minute
)

// Codes that only the REST interface uses.
const (
	preconditionFailed = "PreconditionFailed"
	badAPIVersion      = "InvalidApiVersionParameter"
	methodNotAllowed   = "MethodNotAllowed"
)

var statusOfCode = map[string]int{
	fault.BadInput: http.StatusBadRequest, fault.Unsupported: http.StatusBadRequest, fault.BadData: http.StatusBadRequest,
	fault.Conversion: http.StatusBadRequest, badAPIVersion: http.StatusBadRequest,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict, fault.LeaseLost: http.StatusConflict,
	fault.Forbidden: http.StatusForbidden, fault.SignInFailed: http.StatusUnauthorized, fault.NotRegistered: http.StatusUnauthorized,
	preconditionFailed: http.StatusPreconditionFailed, methodNotAllowed: http.StatusMethodNotAllowed,
	tooManyRequests: http.StatusTooManyRequests, fault.Unreachable: http.StatusServiceUnavailable, fault.DiskFull: http.StatusInsufficientStorage,
}

// handler answers a request, or fails with an error that becomes Data Factory's error body.
type handler func(w http.ResponseWriter, r *http.Request) error

func (f *Factory) routes() http.Handler {
	m := http.NewServeMux()
	m.Handle("POST "+protocol.PathRegisterBegin, f.answer(f.registerBegin))
	m.Handle("POST "+protocol.PathRegister, f.answer(f.register))
	m.Handle("POST "+protocol.PathLease, f.answer(f.asNode(f.lease)))
	m.Handle("POST "+protocol.PathCheckpoint, f.answer(f.asNode(f.checkpoint)))
	m.Handle("POST "+protocol.PathRetry, f.answer(f.asNode(f.retry)))
	m.Handle("POST "+protocol.PathCertificate, f.answer(f.asNode(f.nodeCertificate)))
	m.Handle("POST "+protocol.PathUnregister, f.answer(f.asNode(f.unregister)))
	m.Handle("GET "+protocol.PathLinkedServices, f.answer(f.asNode(f.linkedServicesOf)))
	m.Handle("PUT "+protocol.PathCredential, f.answer(f.asNode(f.putCredential)))
	m.Handle("POST "+protocol.PathReports, f.answer(f.asNode(f.beginReport)))
	m.Handle("PUT "+protocol.PathReports+"/{id}", f.answer(f.asNode(f.receiveReport)))
	m.Handle("GET "+protocol.PathUpdates, f.answer(f.updates))
	m.Handle("GET /reports/{id}", f.answer(f.portalReport))
	m.Handle(protocol.PathBus, http.HandlerFunc(f.serveBus))
	m.Handle("GET /{$}", f.answer(f.portal))
	m.Handle("GET /credentials", f.answer(f.portalCredentials))
	m.Handle("/", f.answer(f.asPerson(f.arm)))
	return m
}

// answer gives a handler its limits and turns its error into an answer.
func (f *Factory) answer(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTime)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		began := time.Now()
		err := h(w, r)
		f.o.Log.Debug("request", "method", r.Method, "path", r.URL.Path, "took", time.Since(began), "error", err)
		if err != nil {
			f.writeError(w, err)
		}
	})
}

// asPerson lets only the bearer of the factory's token in.
func (f *Factory) asPerson(h handler) handler {
	want := sha256.Sum256([]byte(f.token))
	return func(w http.ResponseWriter, r *http.Request) error {
		got := sha256.Sum256([]byte(bearer(r)))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="factory"`)
			return fault.New(fault.SignInFailed, "the factory's token is missing or wrong").
				Try("Send the header Authorization: Bearer TOKEN; the token is in the file %q of the factory's folder.", tokenFile)
		}
		return h(w, r)
	}
}

// asNode lets only registered nodes in.
func (f *Factory) asNode(h func(http.ResponseWriter, *http.Request, node) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		n, err := nodeByToken(r.Context(), f.db, bearer(r))
		if err != nil {
			return err
		}
		return h(w, r, n)
	}
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func (f *Factory) writeError(w http.ResponseWriter, err error) {
	e := fault.As(err)
	status, known := statusOfCode[e.Code]
	body := protocol.ErrorBody{Error: report.ErrorOf(e)}
	if !known {
		// What went wrong inside is for the log, not for whoever asks.
		f.o.Log.Error("request failed", logging.Key, logging.RequestFailed, "error", err)
		status = http.StatusInternalServerError
		body.Error = report.Error{Code: fault.Internal, Message: "the factory failed inside", Hint: "Look at the factory's log."}
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "60")
	}
	_ = writeJSON(w, status, body) // the caller is gone when this fails
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the caller is gone when this fails
	return nil
}

// readBody reads a request's body whole.
func readBody(r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bodyFault(err)
	}
	return data, nil
}

func bodyFault(err error) error {
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return fault.New(fault.BadInput, "the request is larger than the limit of %d bytes", tooLong.Limit)
	}
	return fault.New(fault.BadInput, "the request's JSON cannot be read").Because(err)
}
