module github.com/weir-project/weir/plugins/dedup

go 1.24

require github.com/weir-project/weir/sdk/go v0.1.0

replace github.com/weir-project/weir/sdk/go => ../../sdk/go
