module goacmedns

go 1.24

require github.com/cpu/goacmedns v0.1.1
