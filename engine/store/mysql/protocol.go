package mysql

import (
	"encoding/binary"
	"errors"

	driver "github.com/go-sql-driver/mysql"
)

// Commands of the protocol.
const (
	comQuery       = 0x03
	comStmtPrepare = 0x16
	comStmtExecute = 0x17
)

// moreResults is the server's status that another result follows.
const moreResults = 0x0008

// errLocalFile is the answer to a server that asks for a local file, which nobody offered.
var errLocalFile = errors.New("the server asked for a local file, which this program never sends")

// outcome is how a statement ended.
type outcome struct {
	rows     int64 // that it touched
	warnings int
	status   uint16
}

// serverError turns an error packet into the driver's error.
func serverError(p []byte) error {
	if len(p) < 3 {
		return errMalformed
	}
	e := &driver.MySQLError{Number: binary.LittleEndian.Uint16(p[1:])}
	p = p[3:]
	if len(p) >= 6 && p[0] == '#' {
		copy(e.SQLState[:], p[1:6])
		p = p[6:]
	}
	e.Message = string(p)
	return e
}

// parseOK reads an OK packet, also one that stands for the end of rows.
func parseOK(p []byte) (outcome, error) {
	rest := p[1:]
	rows, n, ok := lengthInt(rest)
	if !ok {
		return outcome{}, errMalformed
	}
	_, m, ok := lengthInt(rest[n:])
	if rest = rest[n+m:]; !ok || len(rest) < 4 {
		return outcome{}, errMalformed
	}
	return outcome{rows: int64(rows), status: binary.LittleEndian.Uint16(rest), warnings: int(binary.LittleEndian.Uint16(rest[2:]))}, nil
}

// lengthInt reads a length-encoded integer and says how many bytes it took.
func lengthInt(p []byte) (v uint64, n int, ok bool) {
	if len(p) == 0 {
		return 0, 0, false
	}
	switch first := p[0]; {
	case first < 0xfb:
		return uint64(first), 1, true
	case first == 0xfc && len(p) >= 3:
		return uint64(p[1]) | uint64(p[2])<<8, 3, true
	case first == 0xfd && len(p) >= 4:
		return uint64(p[1]) | uint64(p[2])<<8 | uint64(p[3])<<16, 4, true
	case first == 0xfe && len(p) >= 9:
		return binary.LittleEndian.Uint64(p[1:]), 9, true
	}
	return 0, 0, false
}

// lengthBytes reads length-encoded bytes and says how many bytes they took with their length.
func lengthBytes(p []byte) (v []byte, n int, ok bool) {
	if len(p) > 0 && p[0] < 0xfb { // the usual case
		n = 1 + int(p[0])
		if n > len(p) {
			return nil, 0, false
		}
		return p[1:n], n, true
	}
	size, at, ok := lengthInt(p)
	if !ok || size > uint64(len(p)-at) {
		return nil, 0, false
	}
	n = at + int(size)
	return p[at:n], n, true
}

// isEnd reports whether a packet among rows is the end of them.
func (w *wire) isEnd(p []byte) bool {
	if len(p) == 0 || p[0] != 0xfe {
		return false
	}
	if w.capabilities&capDeprecateEOF != 0 {
		return len(p) < maxPacket
	}
	return len(p) < 9
}

// end reads the packet that ends rows.
func (w *wire) end(p []byte) (outcome, error) {
	if w.capabilities&capDeprecateEOF != 0 {
		return parseOK(p)
	}
	if len(p) < 5 {
		return outcome{}, errMalformed
	}
	return outcome{warnings: int(binary.LittleEndian.Uint16(p[1:])), status: binary.LittleEndian.Uint16(p[3:])}, nil
}

// skipEOF reads the packet that older servers send after column descriptions.
func (w *wire) skipEOF() error {
	if w.capabilities&capDeprecateEOF != 0 {
		return nil
	}
	_, err := w.packet()
	return err
}

// columns reads n descriptions of columns.
func (w *wire) columns(n int) ([]column, error) {
	list := make([]column, n)
	for i := range list {
		p, err := w.packet()
		if err != nil {
			return nil, err
		}
		if list[i], err = parseColumn(p); err != nil {
			return nil, err
		}
	}
	return list, w.skipEOF()
}

// parseColumn reads a column's description: catalog, schema, table, its first name, name, its first name, then fixed
// fields.
func parseColumn(p []byte) (c column, err error) {
	for i := range 6 {
		v, n, ok := lengthBytes(p)
		if !ok {
			return c, errMalformed
		}
		if i == 4 {
			c.name = string(v)
		}
		p = p[n:]
	}
	if len(p) < 11 {
		return c, errMalformed
	}
	c.charset = binary.LittleEndian.Uint16(p[1:])
	c.length = binary.LittleEndian.Uint32(p[3:])
	c.code = p[7]
	c.flags = binary.LittleEndian.Uint16(p[8:])
	c.decimals = p[10]
	return c, nil
}

// answerOf is the first packet that answers a statement: an outcome, or the number of columns of rows that follow.
func (w *wire) answerOf() (o outcome, columns int, err error) {
	p, err := w.packet()
	if err != nil {
		return o, 0, err
	}
	if len(p) == 0 {
		return o, 0, errMalformed
	}
	switch p[0] {
	case 0x00:
		o, err = parseOK(p)
		return o, 0, err
	case 0xff:
		return o, 0, serverError(p)
	case 0xfb:
		return o, 0, w.refuseFile()
	}
	n, _, ok := lengthInt(p)
	if !ok || n > 1<<16 {
		return o, 0, errMalformed
	}
	return o, int(n), nil
}

// refuseFile sends an empty file and takes the server's answer to it.
func (w *wire) refuseFile() error {
	if err := w.sendPackets(make([]byte, 4), 2); err != nil {
		return err
	}
	if _, err := w.packet(); err != nil {
		return err
	}
	return errLocalFile
}

// cell is one value of a small result, as text.
type cell struct {
	text string
	null bool
}

// results reads every result of a command. Rows go to each where it is not nil.
func (w *wire) results(each func([]cell)) (last outcome, err error) {
	var total int64
	for {
		o, n, err := w.answerOf()
		if err != nil {
			return o, err
		}
		if n > 0 {
			if o, err = w.textRows(n, each); err != nil {
				return o, err
			}
		}
		total += o.rows
		if last = o; o.status&moreResults == 0 {
			last.rows = total
			return last, nil
		}
	}
}

// textRows reads rows of the text protocol, after the number of columns.
func (w *wire) textRows(columns int, each func([]cell)) (outcome, error) {
	if _, err := w.columns(columns); err != nil {
		return outcome{}, err
	}
	for {
		p, err := w.packet()
		switch {
		case err != nil:
			return outcome{}, err
		case len(p) > 0 && p[0] == 0xff:
			return outcome{}, serverError(p)
		case w.isEnd(p):
			return w.end(p)
		case each == nil:
			continue
		}
		row := make([]cell, columns)
		for i := range row {
			if len(p) > 0 && p[0] == 0xfb {
				row[i].null = true
				p = p[1:]
				continue
			}
			v, n, ok := lengthBytes(p)
			if !ok {
				return outcome{}, errMalformed
			}
			row[i].text = string(v)
			p = p[n:]
		}
		each(row)
	}
}

// prepare has the server read a statement, and gives its number and the columns of its rows.
func (w *wire) prepare(text string) (id uint32, columns []column, err error) {
	if err := w.send(comStmtPrepare, []byte(text)); err != nil {
		return 0, nil, err
	}
	p, err := w.packet()
	switch {
	case err != nil:
		return 0, nil, err
	case len(p) > 0 && p[0] == 0xff:
		return 0, nil, serverError(p)
	case len(p) < 9:
		return 0, nil, errMalformed
	}
	id = binary.LittleEndian.Uint32(p[1:])
	count, params := int(binary.LittleEndian.Uint16(p[5:])), int(binary.LittleEndian.Uint16(p[7:]))
	if params > 0 {
		if _, err := w.columns(params); err != nil {
			return 0, nil, err
		}
	}
	if count > 0 {
		if columns, err = w.columns(count); err != nil {
			return 0, nil, err
		}
	}
	if params > 0 {
		return 0, nil, errPlaceholder
	}
	return id, columns, nil
}

var errPlaceholder = errors.New("the statement has ? for values that nobody gives")

// execute runs a prepared statement whose rows follow in the binary protocol. columns is nil where it gives no rows.
func (w *wire) execute(id uint32) (columns []column, err error) {
	payload := binary.LittleEndian.AppendUint32(nil, id)
	payload = append(payload, 0, 1, 0, 0, 0) // no cursor, once
	if err := w.send(comStmtExecute, payload); err != nil {
		return nil, err
	}
	_, n, err := w.answerOf()
	if err != nil || n == 0 {
		return nil, err
	}
	return w.columns(n)
}
