module github.com/weir-project/weir/plugins/fraud-score-go

go 1.24

require github.com/weir-project/weir/sdk/go v0.1.0

replace github.com/weir-project/weir/sdk/go => ../../sdk/go
