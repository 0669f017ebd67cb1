module whole

go 1.21
