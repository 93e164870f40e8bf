package sqlserver

import (
	"strings"

	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// statement is the SQL text that reads the partition.
func (s *source) statement(p store.Partition, places []int) (string, error) {
	condition, err := s.condition(p)
	if err != nil {
		return "", err
	}
	if s.table.IsZero() {
		return s.rewrite(condition), nil
	}
	list := make([]string, len(places))
	for i, k := range places {
		list[i] = s.columns[k].readExpression()
	}
	if len(list) == 0 {
		list = []string{"1"}
	}
	text := "SELECT " + strings.Join(list, ", ") + " FROM " + quoted(s.table)
	if condition != "" {
		text += " WHERE " + condition
	}
	return text, nil
}

// rewrite puts a condition into the query: into its placeholder, else around it.
func (s *source) rewrite(condition string) string {
	if sqlstore.HasRange(s.query) {
		if condition == "" {
			condition = "1 = 1"
		}
		return sqlstore.FillRange(s.query, condition)
	}
	if condition == "" {
		return s.query
	}
	return "SELECT * FROM (" + bare(s.query) + "\n) AS part WHERE " + condition
}

// bare is a statement without what may not stand inside brackets.
func bare(query string) string { return strings.TrimRight(query, "; \t\r\n") }
