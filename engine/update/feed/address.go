package feed

// CheckAddress reports why a text is no address of a feed, code fault.BadInput; nil for one that [New] takes.
func CheckAddress(text string) error {
	_, err := address(text)
	return err
}
