package testserver

import (
	"bufio"
	"net"
	"strings"
	"testing"
)

func TestAnSSHServerAnswers(t *testing.T) {
	s := SSH(t)
	c, err := net.Dial("tcp", net.JoinHostPort(s.Host, s.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "SSH-2.0-") {
		t.Errorf("the server says %q, %v", line, err)
	}
}
