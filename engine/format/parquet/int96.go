package parquet

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/parquet"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// julianEpoch is 1970-01-01 as a Julian day, which the 96-bit timestamps count.
const julianEpoch = 2440588

// lastDay bounds the days of 96-bit timestamps: some thousand years after 9999.
const lastDay = 200_000_000 / 60

const (
	ticksPerDay = 86400 * 10_000_000
	nanosPerDay = 86400 * 1_000_000_000
)

// days makes 96-bit timestamps of a column in units of 100 ns: nanoseconds of the day, and the Julian day.
func (e *encoder) days(c *batch.Column) error {
	e.int96 = e.int96[:0]
	for i, v := range c.Ints {
		day, rest := v/ticksPerDay, v%ticksPerDay
		if rest < 0 {
			day, rest = day-1, rest+ticksPerDay
		}
		if day < -julianEpoch || day > lastDay {
			return outside(c, i)
		}
		var t parquet.Int96
		binary.LittleEndian.PutUint64(t[:], uint64(rest*100))
		binary.LittleEndian.PutUint32(t[8:], uint32(day+julianEpoch))
		e.int96 = append(e.int96, t)
	}
	return nil
}

func appendInt96(c *batch.Column, v parquet.Int96) error {
	nanos := int64(binary.LittleEndian.Uint64(v[:8]))
	day := int64(binary.LittleEndian.Uint32(v[8:])) - julianEpoch
	if nanos%100 != 0 {
		return fault.New(fault.Conversion, "a 96-bit timestamp has nanoseconds, which are not supported").InRow(int64(c.Len())+1, "", fmt.Sprintf("day %d, %d ns", day, nanos))
	}
	if day > lastDay || nanos < 0 || nanos > nanosPerDay {
		return fault.New(fault.BadData, "a 96-bit timestamp is outside all calendars").InRow(int64(c.Len())+1, "", "")
	}
	c.AppendInt(day*ticksPerDay + nanos/100)
	return nil
}

// instantsKey is the entry of the footer that lists the 96-bit timestamps that are instants, as a JSON array of names:
// the type itself cannot tell them from clock times.
const instantsKey = "dmgateway.instants"

// instants gives the value of that entry, "" where there are none.
func instants(s batch.Schema) string {
	var names []string
	for _, f := range s {
		if f.Type.Kind == batch.TimestampTZ && f.Type.Unit == batch.Tick {
			names = append(names, f.Name)
		}
	}
	if names == nil {
		return ""
	}
	text, err := json.Marshal(names)
	if err != nil {
		return ""
	}
	return string(text)
}

// findInstants gives the columns that the footer names their type.
func (r *reader) findInstants() {
	text := r.file.MetaData().KeyValueMetadata().FindValue(instantsKey)
	if text == nil {
		return
	}
	var names []string
	if json.Unmarshal([]byte(*text), &names) != nil {
		return
	}
	for i := range r.all {
		f := &r.all[i].field
		for _, name := range names {
			if f.Name == name && f.Type.Kind == batch.Timestamp && f.Type.Unit == batch.Tick {
				f.Type.Kind = batch.TimestampTZ
			}
		}
	}
}
