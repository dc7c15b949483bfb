import HTTPEdge
import Hummingbird

extension Routes {
    func addReports(to router: Router<EdgeContext>) {}
}
