module goacmedns

go 1.24

require github.com/nrdcg/goacmedns v0.2.0
