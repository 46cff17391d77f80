module github.com/moeproxy/moe/tests/integration

go 1.24
