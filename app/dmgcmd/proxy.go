package main

import (
	"errors"
	"io"
	"strings"

	"dmgateway/engine"
)

type proxyCmd struct {
	Show   proxyShowCmd   `cmd:"" default:"1" help:"Show what is set and which proxy leads to the factory."`
	System proxySystemCmd `cmd:"" help:"Use the proxy that the environment or the operating system names."`
	None   proxyNoneCmd   `cmd:"" help:"Use no proxy, whatever the system says."`
	Set    proxySetCmd    `cmd:"" help:"Use one proxy for everything but databases."`
	Test   proxyTestCmd   `cmd:"" help:"Ask the proxy for the way to the factory; shows what it offers and answers."`
}

// proxyPasswordEnv is the environment variable with the proxy's password.
const proxyPasswordEnv = "DMG_PROXY_PASSWORD"

type proxyShowCmd struct{}

func (proxyShowCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		s, err := e.Proxy(p.ctx)
		if err != nil {
			return err
		}
		return p.printProxy(s)
	})
}

func (p *program) printProxy(s engine.ProxyStatus) error {
	return p.print(s, func(w io.Writer) {
		user := s.User
		if s.HasPassword {
			user += " (with a password)"
		}
		way := ""
		if s.Target != "" {
			way = "directly"
			if s.Used != "" {
				way = "by " + s.Used
			}
			if s.From != "" {
				way += ", says: " + s.From
			}
			way = s.Target + " " + way
		}
		pairs(w,
			[2]string{"Proxy", map[string]string{"system": "as the system says", "custom": s.URL, "none": "none"}[s.Mode]},
			[2]string{"User", user},
			[2]string{"Directly", s.Bypass},
			[2]string{"Factory", way})
	})
}

// change sets the proxy and shows what follows.
func (p *program) changeProxy(s engine.ProxySettings) error {
	return p.withEngine(func(e engine.Controller) error {
		if err := e.SetProxy(p.ctx, s); err != nil {
			return err
		}
		status, err := e.Proxy(p.ctx)
		if err != nil {
			return err
		}
		return p.printProxy(status)
	})
}

// proxyOptions are those that go with each way to use a proxy.
type proxyOptions struct {
	User         string `help:"User at the proxy, for NTLM DOMAIN\\user." placeholder:"USER"`
	PasswordFile string `help:"File that holds the password, or - for standard input; else DMG_PROXY_PASSWORD, else it is asked for." placeholder:"FILE"`
	Bypass       string `help:"Hosts that are reached directly: localhost;*.example;10.0.0.0/8;<local>." placeholder:"LIST"`
}

func (o proxyOptions) settings(p *program, mode, url string) (engine.ProxySettings, error) {
	s := engine.ProxySettings{Mode: mode, URL: url, User: o.User, Bypass: o.Bypass}
	none := ""
	s.Password = &none
	if o.User == "" {
		if o.PasswordFile != "" {
			return s, &usageError{errors.New("--password-file needs --user")}
		}
		return s, nil
	}
	password, err := p.secretFrom(o.PasswordFile, proxyPasswordEnv, "Password of "+o.User+" at the proxy: ")
	s.Password = &password
	return s, err
}

type proxySystemCmd struct{ proxyOptions }

func (c proxySystemCmd) Run(p *program) error {
	s, err := c.settings(p, "system", "")
	if err != nil {
		return err
	}
	return p.changeProxy(s)
}

type proxyNoneCmd struct{}

func (proxyNoneCmd) Run(p *program) error {
	none := ""
	return p.changeProxy(engine.ProxySettings{Mode: "none", Password: &none})
}

type proxySetCmd struct {
	URL string `arg:"" help:"The proxy's address; http://, https:// or socks5://." placeholder:"URL"`
	proxyOptions
}

func (c proxySetCmd) Run(p *program) error {
	s, err := c.settings(p, "custom", c.URL)
	if err != nil {
		return err
	}
	return p.changeProxy(s)
}

type proxyTestCmd struct{}

func (proxyTestCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		r, err := e.TestProxy(p.ctx, nil)
		if err != nil {
			return err
		}
		proxy := r.Proxy
		if proxy == "" {
			proxy = "none: directly"
		}
		err = p.print(r, func(w io.Writer) {
			pairs(w,
				[2]string{"Proxy", proxy},
				[2]string{"Target", r.Target},
				[2]string{"Offers", strings.Join(r.Offers, ", ")},
				[2]string{"Signed in by", r.Used},
				[2]string{"Answer", r.Answer},
				[2]string{"Took", durationText(r.Took)},
				[2]string{"Problem", r.Problem},
				[2]string{"What to do", r.Remedy})
		})
		if err == nil && !r.OK {
			err = errFound
		}
		return err
	})
}
