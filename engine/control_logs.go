package engine

import (
	"encoding/json"
	"io"
	"net/http"
)

// logsPart is one value of an answer about logs that comes bit by bit. Exactly one field is set.
type logsPart struct {
	Progress *LogProgress `json:"progress,omitempty"`
	Sent     *SentLogs    `json:"sent,omitempty"`
	Data     []byte       `json:"data,omitempty"` // of an archive
	Contents *LogContents `json:"contents,omitempty"`
}

type sendLogsRequest struct {
	Note string `json:"note"`
}

// logsRoutes are those of LogControl. An archive is handed over through the socket and written by whoever asked, so that
// it is that person's file.
func (e *Engine) logsRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/logs", answer(func(r *http.Request) (any, error) { return e.LogContents(r.Context()) }))
	mux.HandleFunc("GET /v1/logs/part", answer(func(r *http.Request) (any, error) {
		return e.LogPart(r.Context(), r.URL.Query().Get("name"))
	}))
	mux.HandleFunc("POST /v1/logs/send", stream(func(r *http.Request, send func(streamed)) error {
		var in sendLogsRequest
		if err := readRequest(r, &in); err != nil {
			return err
		}
		sent, err := e.SendLogs(r.Context(), in.Note, func(p LogProgress) { sendPart(send, logsPart{Progress: &p}) })
		if err == nil {
			sendPart(send, logsPart{Sent: &sent})
		}
		return err
	}))
	mux.HandleFunc("POST /v1/logs/archive", stream(func(r *http.Request, send func(streamed)) error {
		c, err := e.packLogs(r.Context(), partWriter(send), func(p LogProgress) { sendPart(send, logsPart{Progress: &p}) })
		if err == nil {
			sendPart(send, logsPart{Contents: &c})
		}
		return err
	}))
}

func sendPart(send func(streamed), p logsPart) {
	if raw, err := json.Marshal(p); err == nil {
		send(streamed{Part: raw})
	}
}

// partWriter sends what is written to it.
func partWriter(send func(streamed)) io.Writer {
	return writerFunc(func(p []byte) { sendPart(send, logsPart{Data: p}) })
}

type writerFunc func(p []byte)

func (w writerFunc) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}
