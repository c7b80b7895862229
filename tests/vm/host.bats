@test "todo" {
 true
}
