package controller

// DescribeAPI is for the tests.
var DescribeAPI = describeAPI
