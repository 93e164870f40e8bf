package words

import "testing"

func TestErrorsOfCopiesAreSaidInGerman(t *testing.T) {
	t.Cleanup(func() { Use("en") })
	Use("de")
	for english, want := range map[string]string{
		"the copy was cancelled":                          "die Kopie wurde abgebrochen",
		"connect to PostgreSQL at db1:5432: no such host": "Verbinden mit PostgreSQL auf db1:5432: diesen Host gibt es nicht",
		"connect to PostgreSQL at db1:5432: dial tcp 10.0.0.7:5432: connect: connection refused": "Verbinden mit PostgreSQL auf db1:5432: Verbinden mit 10.0.0.7:5432: Verbindung abgelehnt",
		"open /srv/in/a.csv: permission denied":                                                  "Öffnen von /srv/in/a.csv: keine Berechtigung",
		"the container \"raw\" does not exist":                                                   "den Container „raw“ gibt es nicht",
		"the folder \"in/2026\" does not exist":                                                  "den Ordner „in/2026“ gibt es nicht",
		"the row has 4 columns, not 5":                                                           "die Zeile hat 4 Spalten, nicht 5",
		"Free space on the database server.":                                                     "Schaffen Sie Platz auf dem Datenbankserver.",
		"The user has too many connections. The copy tries again.":                               "Der Benutzer hat zu viele Verbindungen. Die Kopie versucht es erneut.",
		"nobody knows this: connection refused":                                                  "nobody knows this: connection refused",
		"ERROR: value too long for type character varying(3)":                                    "ERROR: value too long for type character varying(3)",
	} {
		if got := Of(english); got != want {
			t.Errorf("%q: %q, want %q", english, got, want)
		}
	}
}
