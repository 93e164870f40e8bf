package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// table is a table of an installer in the form that msibuild imports (IDT): names, types, keys, rows.
type table struct {
	name, columns, types string
	keys                 int // so many first columns are the key
	rows                 [][]string
}

func (t table) text() string {
	var b strings.Builder
	line := func(cells ...string) { b.WriteString(strings.Join(cells, "\t") + "\r\n") }
	columns := strings.Fields(t.columns)
	line(columns...)
	line(strings.Fields(t.types)...)
	line(append([]string{t.name}, columns[:t.keys]...)...)
	slices.SortFunc(t.rows, func(a, b []string) int { return cmp.Or(slices.Compare(a[:t.keys], b[:t.keys]), slices.Compare(a, b)) })
	for _, row := range t.rows {
		line(row...)
	}
	return b.String()
}

// tables turns the pages into the tables of the user interface; see "User Interface Reference" of Windows Installer.
func tables(pages []page) []table {
	n := strconv.Itoa
	dialogs := table{
		name: "Dialog", keys: 1, columns: "Dialog HCentering VCentering Width Height Attributes Title Control_First Control_Default Control_Cancel",
		types: "s72 i2 i2 i2 i2 I4 L128 s50 S50 S50",
	}
	controls := table{
		name: "Control", keys: 2, columns: "Dialog_ Control Type X Y Width Height Attributes Property Text Control_Next Help",
		types: "s72 s50 s20 i2 i2 i2 i2 I4 S50 L0 S50 L50",
	}
	events := table{name: "ControlEvent", keys: 5, columns: "Dialog_ Control_ Event Argument Condition Ordering", types: "s72 s50 s50 s255 S255 I2"}
	conditions := table{name: "ControlCondition", keys: 4, columns: "Dialog_ Control_ Action Condition", types: "s72 s50 s50 s255"}
	mappings := table{name: "EventMapping", keys: 3, columns: "Dialog_ Control_ Event Attribute", types: "s72 s50 s50 s50"}
	boxes := table{name: "CheckBox", keys: 1, columns: "Property Value", types: "s72 S64"}
	styles := table{
		name: "TextStyle", keys: 1, columns: "TextStyle FaceName Size Color StyleBits", types: "s72 s32 i2 I4 I2",
		rows: [][]string{{"Text", "Tahoma", "8", "", ""}, {"Title", "Tahoma", "12", "", "1"}},
	}
	// What Windows says while it copies and removes is its own; these are the few words that it has not.
	words := table{name: "UIText", keys: 1, columns: "Key Text", types: "s72 L255", rows: [][]string{
		{"AbsentPath", ""},
		{"bytes", "bytes"},
		{"GB", "GB"},
		{"KB", "KB"},
		{"MB", "MB"},
	}}
	for _, p := range pages {
		first, stops := "", []string{}
		for _, c := range p.controls {
			if c.stops() {
				stops = append(stops, c.name)
			}
		}
		for _, c := range p.controls {
			next := ""
			if i := slices.Index(stops, c.name); i >= 0 {
				next = stops[(i+1)%len(stops)]
				if first == "" {
					first = c.name
				}
			}
			controls.rows = append(controls.rows, []string{p.name, c.name, c.kind, n(c.x), n(c.y), n(c.width), n(c.height), n(c.attributes), c.property, c.text, next, ""})
			for i, e := range c.events {
				when := e.when
				if when == "" {
					when = "1"
				}
				events.rows = append(events.rows, []string{p.name, c.name, e.event, e.argument, when, n(i + 1)})
			}
			for _, e := range c.shown {
				conditions.rows = append(conditions.rows, []string{p.name, c.name, e.event, e.when})
			}
			for _, e := range c.follows {
				mappings.rows = append(mappings.rows, []string{p.name, c.name, e.event, e.argument})
			}
			if c.kind == "CheckBox" && !slices.ContainsFunc(boxes.rows, func(r []string) bool { return r[0] == c.property }) {
				boxes.rows = append(boxes.rows, []string{c.property, "1"})
			}
		}
		if p.first != "" {
			first = p.first
		}
		dialogs.rows = append(dialogs.rows, []string{p.name, "50", "50", n(p.width), n(p.height), n(p.attributes), "[ProductName]", first, p.enter, p.escape})
	}
	return []table{dialogs, controls, events, conditions, mappings, boxes, styles, words}
}
