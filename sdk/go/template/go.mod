module {{name}}

go 1.24

require github.com/weir-project/weir/sdk/go v{{weir_version}}

replace github.com/weir-project/weir/sdk/go => ./weir-sdk
