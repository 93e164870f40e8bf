package main

import "errors"

func (p *program) runBrowser() error { p.begin(); return errors.New("no window") }
