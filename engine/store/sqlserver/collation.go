package sqlserver

import (
	"context"
	"strconv"
	"strings"
)

// codePage asks the server for the code page of a collation, and goes by the collation's name where it does not say;
// 0 = not known.
func codePage(ctx context.Context, c *conn, collation string) (int, error) {
	if collation == "" {
		return 0, nil
	}
	rows, err := c.query(ctx, "SELECT CONVERT(int, COLLATIONPROPERTY(@p1, 'CodePage'))", collation)
	if _, refused := sqlError(err); err != nil && !refused {
		return 0, err
	}
	if err == nil && len(rows) > 0 {
		if page := int(numberOf(rows[0][0])); page != 0 {
			return page, nil
		}
	}
	return pageByName(collation), nil
}

// pageByName knows the families of collations
// (https://learn.microsoft.com/sql/t-sql/statements/windows-collation-name-transact-sql, sql-server-collation-name-transact-sql).
func pageByName(collation string) int {
	name := strings.ToUpper(collation)
	if strings.HasSuffix(name, "_UTF8") {
		return pageUTF8
	}
	if rest, ok := strings.CutPrefix(name, "SQL_"); ok { // SQL_Latin1_General_CP1250_CI_AS; CP1 is 1252
		for word := range strings.SplitSeq(rest, "_") {
			if digits, ok := strings.CutPrefix(word, "CP"); ok {
				if page, err := strconv.Atoi(digits); err == nil {
					if page == 1 {
						page = 1252
					}
					return page
				}
			}
		}
		return 1252
	}
	for _, f := range families {
		if strings.HasPrefix(name, f.prefix) {
			return f.page
		}
	}
	return 0
}

var families = []struct {
	prefix string
	page   int
}{
	{"LATIN1_GENERAL", 1252},
	{"MODERN_SPANISH", 1252},
	{"TRADITIONAL_SPANISH", 1252},
	{"FRENCH", 1252},
	{"FINNISH_SWEDISH", 1252},
	{"DANISH_", 1252},
	{"DANISH_GREENLANDIC", 1252},
	{"NORWEGIAN", 1252},
	{"ICELANDIC", 1252},
	{"GERMAN_PHONEBOOK", 1252},
	{"BRETON", 1252},
	{"CORSICAN", 1252},
	{"ROMANSH", 1252},
	{"WELSH", 1252},
	{"FRISIAN", 1252},
	{"SAMI_", 1252},
	{"POLISH", 1250},
	{"CZECH", 1250},
	{"SLOVAK", 1250},
	{"SLOVENIAN", 1250},
	{"HUNGARIAN", 1250},
	{"CROATIAN", 1250},
	{"ROMANIAN", 1250},
	{"ALBANIAN", 1250},
	{"BOSNIAN_LATIN", 1250},
	{"SERBIAN_LATIN", 1250},
	{"TURKMEN", 1250},
	{"CYRILLIC_GENERAL", 1251},
	{"UKRAINIAN", 1251},
	{"MACEDONIAN_FYROM", 1251},
	{"KAZAKH", 1251},
	{"TATAR", 1251},
	{"BASHKIR", 1251},
	{"YAKUT", 1251},
	{"BOSNIAN_CYRILLIC", 1251},
	{"SERBIAN_CYRILLIC", 1251},
	{"GREEK", 1253},
	{"TURKISH", 1254},
	{"AZERI_LATIN", 1254},
	{"UZBEK_LATIN", 1254},
	{"HEBREW", 1255},
	{"ARABIC", 1256},
	{"PERSIAN", 1256},
	{"URDU", 1256},
	{"UIGHUR", 1256},
	{"DARI", 1256},
	{"ESTONIAN", 1257},
	{"LATVIAN", 1257},
	{"LITHUANIAN", 1257},
	{"VIETNAMESE", 1258},
	{"THAI", 874},
	{"JAPANESE", 932},
	{"CHINESE_PRC", 936},
	{"CHINESE_SIMPLIFIED", 936},
	{"KOREAN", 949},
	{"CHINESE_TAIWAN", 950},
	{"CHINESE_TRADITIONAL", 950},
	{"CHINESE_HONG_KONG", 950},
}
